"""How many connections the gateway has, in all and of one client."""

import pytest

from local.gateway.connection_limits import MAX_REFUSALS, RESERVED_FILES, ConnectionLimits, client_of, limits_within


def test_there_are_so_many_connections_in_all_and_of_one_address() -> None:
    limits = ConnectionLimits(in_all=5, by_address=3)

    of_one = [limits.acquire("10.0.0.1") for _ in range(4)]
    of_others = [limits.acquire(f"10.0.0.{number}") for number in (2, 3, 4)]

    assert of_one == [None, None, None, "MAX_CONNECTIONS_PER_ADDRESS"]
    assert of_others == [None, None, "MAX_CONNECTIONS"]


def test_a_connection_that_ends_makes_room_for_another() -> None:
    limits = ConnectionLimits(in_all=2, by_address=1)
    assert [limits.acquire(address) for address in ("10.0.0.1", "10.0.0.2")] == [None, None]

    limits.release("10.0.0.1")

    assert limits.acquire("10.0.0.2") == "MAX_CONNECTIONS_PER_ADDRESS"
    assert limits.acquire("10.0.0.1") is None


def test_only_so_many_connections_are_refused_at_a_time() -> None:
    limits = ConnectionLimits(in_all=0, by_address=0)
    assert all(limits.acquire_refusal() for _ in range(MAX_REFUSALS))
    assert not limits.acquire_refusal()

    limits.release_refusal()

    assert limits.acquire_refusal()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::1", "127.0.0.1", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "10.0.0.2", False),
    ],
)
def test_a_network_of_ipv6_counts_as_one_client(one: str, other: str, same: bool) -> None:
    assert (client_of(one) == client_of(other)) == same


@pytest.mark.parametrize(
    ("files", "in_all", "by_address", "expected"),
    [
        (65_536, 14_000, 0, (14_000, 12_600)),
        (65_536, 14_000, 100, (14_000, 100)),
        (300, 14_000, 0, (300 - RESERVED_FILES, (300 - RESERVED_FILES) * 9 // 10)),
        (300, 14_000, 1_000, (300 - RESERVED_FILES, 300 - RESERVED_FILES)),
        (10, 14_000, 0, (1, 1)),
        (65_536, 1, 0, (1, 1)),
    ],
)
def test_the_limits_leave_files_for_the_gateway_itself(
    files: int, in_all: int, by_address: int, expected: tuple[int, int]
) -> None:
    assert limits_within(files, in_all, by_address) == expected
