"""Redis by password and TLS, as managed ones are reached: single or a cluster, by the stages and by the front door."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
import redis

from tests.support.ports import HOST
from tests.support.redis_cluster import Node, run_nodes
from tests.support.redis_servers import RedisServer, opened, opened_async
from tests.support.tls import Certificates, encrypted_end, make_certificates
from tests.support.waiting import eventually

# A loop that ends leaves a refused connection no time to say goodbye, as TLS wants it to.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PASSWORD = "s3cr/t"
KEY = "{p0}:kept"


class SecureNodes(NamedTuple):
    """A cluster whose nodes know each other's encrypted ends as their addresses, and want a password."""

    certificates: Certificates
    port: int
    """The encrypted end of the node that holds KEY."""

    def server(
        self, *, cluster: bool, password: str = PASSWORD, host: str = HOST, trusting: bool = True
    ) -> RedisServer:
        authority = f"?ssl_ca_certs={quote(str(self.certificates.authority))}" if trusting else ""
        return RedisServer(f"rediss://:{quote(password, safe='')}@{host}:{self.port}{authority}", cluster)


@pytest.fixture(autouse=True)
def _swept() -> Iterator[None]:
    """Find such connections here rather than in some later test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def nodes(servers_home: Path) -> Iterator[SecureNodes]:
    certificates = make_certificates(servers_home / "redis-certificates", HOST)
    with ExitStack() as stack:
        plain = stack.enter_context(run_nodes(servers_home / "secure"))
        ports = [stack.enter_context(encrypted_end((HOST, node.port), certificates)) for node in plain.all]
        for node, port in zip(plain.all, ports, strict=True):
            node.ask("CONFIG SET", "cluster-announce-port", port)
        eventually(lambda: all(announced_by(node) == set(ports) for node in plain.all))
        port = ports[plain.all.index(plain.primary_of(KEY))]
        for node in plain.all:
            node.ask("CONFIG SET", "requirepass", PASSWORD)
        yield SecureNodes(certificates, port)


def announced_by(node: Node) -> set[int]:
    """Return the ports at which a node says that the slots are served."""
    return {int(port) for _, _, (_, port, *_) in node.ask("CLUSTER SLOTS")}


def by_the_stages(server: RedisServer) -> object:
    with opened(server) as client:
        client.set(KEY, "kept")
        return client.get(KEY)


def by_the_front_door(server: RedisServer) -> object:
    async def reach() -> object:
        async with opened_async(server) as client:
            await client.set(KEY, "kept")
            return await client.get(KEY)

    return asyncio.run(reach())


each_way = pytest.mark.parametrize("reach", [by_the_stages, by_the_front_door])
single_and_cluster = pytest.mark.parametrize("cluster", [False, True], ids=["single", "cluster"])
Reach = Callable[[RedisServer], object]


@each_way
@single_and_cluster
def test_an_authority_and_a_password_let_in(nodes: SecureNodes, reach: Reach, cluster: bool) -> None:
    assert reach(nodes.server(cluster=cluster)) == "kept"


@each_way
@single_and_cluster
def test_a_server_that_nobody_trusts_is_not_talked_to(nodes: SecureNodes, reach: Reach, cluster: bool) -> None:
    with pytest.raises(redis.RedisError, match="certificate verify failed"):
        reach(nodes.server(cluster=cluster, trusting=False))


@each_way
def test_a_server_that_is_certified_under_another_name_is_not_talked_to(nodes: SecureNodes, reach: Reach) -> None:
    with pytest.raises(redis.RedisError, match="certificate verify failed"):
        reach(nodes.server(cluster=False, host="localhost"))


@each_way
@single_and_cluster
def test_a_wrong_password_is_raised_as_redis_own_error(nodes: SecureNodes, reach: Reach, cluster: bool) -> None:
    with pytest.raises(redis.RedisError, match="WRONGPASS|invalid username-password"):
        reach(nodes.server(cluster=cluster, password="guessed"))
