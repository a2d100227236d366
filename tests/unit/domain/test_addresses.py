"""Addresses as they are written: one in, none out of what is none."""

from ipaddress import ip_address

import pytest

from orderflow.domain.addresses import read_address


@pytest.mark.parametrize(
    ("text", "address"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::1", "::1")],
)
def test_an_address_is_read_an_ipv4_one_also_where_ipv6_is_around_it(text: str, address: str) -> None:
    assert read_address(text) == ip_address(address)


@pytest.mark.parametrize("text", ["", "localhost", "192.0.2", "192.0.2.1:80", "[::1]"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None
