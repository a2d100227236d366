"""A HOST of IPv6: the system is bound to it, says its URL so that clients take it, and watches over itself there."""

import socket
from collections.abc import Callable
from urllib.request import urlopen

import pytest

from tests.harness.own_system import OwnSystem


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(
    ("host", "url", "reached"),
    [("::1", "http://[::1]", ["[::1]"]), ("::", "http://127.0.0.1", ["[::1]", "127.0.0.1", "localhost"])],
)
def test_the_system_is_reached_at_an_address_of_ipv6(
    new_run: Callable[..., OwnSystem], host: str, url: str, reached: list[str]
) -> None:
    run = new_run(HOST=host, AUTH="open", SPEED="0")

    run.start()

    assert run.state["url"] == f"{url}:{run.port}"
    assert f"ready at {url}:{run.port} " in run.output.read_text()
    for name in reached:
        with urlopen(f"http://{name}:{run.port}/health") as answer:
            assert answer.status == 200
    assert run.stop() == 0
