"""tests/harness/chaos/nemesis/network.py: what gets through between a poller and Redis, and what does not."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from orderflow.runtime.clients import open_redis
from tests.harness.chaos.nemesis.network import Network

HERE, THERE = "poller-1", "poller-2"
SOON_S = 0.2


@pytest.fixture
def network(redis_client: redis.Redis, redis_url: str, servers_home: Path) -> Iterator[Network]:
    """Lend ways for two pollers to a Redis that is empty."""
    network = Network(servers_home, Path(urlsplit(redis_url).path), [HERE, THERE])
    yield network
    network.close()


@pytest.fixture
def poller(network: Network) -> Iterator[redis.Redis]:
    """Lend the client of the first poller, which soon loses patience."""
    with client_of(network, HERE) as client:
        yield client
        client.connection_pool.disconnect()


def client_of(network: Network, name: str) -> redis.Redis:
    return open_redis(network.url.replace("{name}", name), socket_timeout=SOON_S)


def test_what_a_poller_asks_is_answered(poller: redis.Redis) -> None:
    large = "x" * 1_000_000

    poller.set("key", large)

    assert poller.get("key") == large


@pytest.fixture
def line(network: Network) -> Iterator[socket.socket]:
    """Lend a bare connection of the first poller."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(urlsplit(network.url.replace("{name}", HERE)).path)
        connection.settimeout(SOON_S)
        connection.sendall(b"PING\r\n")
        assert connection.recv(64) == b"+PONG\r\n"
        yield connection


def test_silence_answers_nothing_and_breaks_nothing(network: Network, line: socket.socket) -> None:
    network.change(HERE, "silent")
    line.sendall(b"INCR count\r\n")
    with pytest.raises(TimeoutError):
        line.recv(64)

    network.change(HERE, "open")

    line.settimeout(5)
    assert line.recv(64) == b":1\r\n"


def test_what_was_sent_into_the_silence_arrives_after_it_though_the_sender_has_left(
    network: Network, line: socket.socket, redis_client: redis.Redis
) -> None:
    network.change(HERE, "silent")
    line.sendall(b"RPUSH list late\r\n")
    line.close()
    assert redis_client.llen("list") == 0

    network.change(HERE, "open")

    assert redis_client.blpop(["list"], timeout=5) == ("list", "late")


def test_a_refusal_breaks_connections_and_takes_no_new_ones(network: Network, poller: redis.Redis) -> None:
    poller.ping()

    network.change(HERE, "refused")

    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            poller.ping()
    network.change(HERE, "open")
    assert poller.ping()


@pytest.mark.parametrize("state", ["silent", "refused"])
def test_a_cut_leaves_the_other_poller_alone(network: Network, state: str) -> None:
    network.change(HERE, "silent" if state == "silent" else "refused")

    with client_of(network, THERE) as other:
        assert other.ping()
        other.connection_pool.disconnect()
