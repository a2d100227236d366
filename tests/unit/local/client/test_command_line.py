"""A base URL as the command lines take it."""

import argparse

import pytest

from local.client.command_line import base_url_argument


@pytest.mark.parametrize("url", ["", "127.0.0.1:3000", "ftp://there", "http://"])
def test_a_base_url_is_an_http_url(url: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="looks like"):
        base_url_argument(url)


def test_a_base_url_loses_its_last_slash() -> None:
    assert base_url_argument("http://127.0.0.1:3000/") == "http://127.0.0.1:3000"
