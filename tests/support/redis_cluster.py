"""A real Redis Cluster on this machine: the embedded server program, once for each node, on TCP ports of its own."""

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.retry import Retry

from local.servers.server_programs import environment, redis_program
from tests.support.ports import HOST, free_ports
from tests.support.programs import Program

SHARDS = 3
NODE_TIMEOUT_MS = 1000
READY_TIMEOUT_S = 30.0

_OPTIONS = (
    *("--bind", HOST, "--daemonize", "no", "--logfile", "", "--save", ""),
    *("--appendonly", "yes", "--appendfsync", "everysec"),
    *("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)),
    *("--repl-diskless-sync-delay", "0"),
)


class Node:
    """One server of a cluster, which can be killed and started again on its data."""

    def __init__(self, directory: Path, port: int, bus_port: int) -> None:
        self.port = port
        self.bus_port = bus_port
        self.url = f"redis://{HOST}:{self.port}"
        self._directory = directory
        place = ("--dir", str(directory), "--port", str(port), "--cluster-port", str(bus_port))
        self._program = Program([redis_program(), *place, *_OPTIONS], environment(), directory / "log")

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._program.start()
        _eventually(lambda: self.ask("PING") is True)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._program.is_running:
            self._program.stop(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send the server a signal, if it runs."""
        if self._program.process is not None and self._program.is_running:
            self._program.process.send_signal(number)

    def is_running(self) -> bool:
        return self._program.is_running

    def ask(self, command: str, *arguments: str | int) -> Any:
        """Have this very server execute a command; None when it can't be asked, or refuses."""
        client = redis.Redis(
            host=HOST, port=self.port, decode_responses=True, socket_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        execute: Callable[..., Any] = client.execute_command
        with client, suppress(redis.RedisError, OSError):
            return execute(command, *arguments)
        return None

    def slots(self) -> list[range]:
        """Return the slots of which this node is the primary, as it sees the cluster; none when it is down."""
        nodes = self.ask("CLUSTER NODES") or {}
        return [
            range(int(bounds[0]), int(bounds[-1]) + 1)
            for node in nodes.values()
            if {"myself", "master"} <= set(node["flags"].split(","))
            for bounds in node["slots"]
        ]

    def serves(self, slot: int) -> bool:
        """Return whether this node is up and the primary of a slot, as it sees the cluster."""
        return any(slot in slots for slots in self.slots())

    def sees_a_whole_cluster(self, nodes: int) -> bool:
        """Return whether this node knows so many nodes, all of them up, and every slot served."""
        info, known = self.ask("CLUSTER INFO") or {}, self.ask("CLUSTER NODES") or {}
        up = [node for node in known.values() if "fail" not in node["flags"] and node["connected"]]
        return info.get("cluster_state") == "ok" and len(up) == len(known) == nodes

    def replicas(self) -> int:
        """Return how many replicas are in step with this node."""
        replication = self.ask("INFO", "replication") or {}
        return sum(of.get("state") == "online" for name, of in replication.items() if name.startswith("slave"))


class Nodes:
    """Three primaries that share the slots evenly, each with as many replicas as asked for."""

    def __init__(self, directory: Path, replicas: int = 0) -> None:
        ports = free_ports(2 * SHARDS * (1 + replicas))
        pairs = zip(ports[::2], ports[1::2], strict=True)
        self.all = [Node(directory / str(port), port, bus_port) for port, bus_port in pairs]
        self._replicas = replicas

    @property
    def url(self) -> str:
        """The URL of one of the nodes; a client that knows one finds all."""
        return self.all[0].url

    def start(self) -> None:
        """Start the nodes, make a cluster of them, and wait until each sees the whole of it."""
        for epoch, node in enumerate(self.all, start=1):
            node.start()
            # Each an epoch of its own, so that they need not find out by collisions who is right about the slots.
            node.ask("CLUSTER SET-CONFIG-EPOCH", epoch)
            self.all[0].ask("CLUSTER MEET", HOST, node.port, node.bus_port)
        bounds = [REDIS_CLUSTER_HASH_SLOTS * number // SHARDS for number in range(SHARDS + 1)]
        for number, primary in enumerate(self.all[:SHARDS]):
            primary.ask("CLUSTER ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        _eventually(lambda: all(node.sees_a_whole_cluster(len(self.all)) for node in self.all))
        for number, replica in enumerate(self.all[SHARDS:]):
            replica.ask("CLUSTER REPLICATE", self.all[number % SHARDS].ask("CLUSTER MYID"))
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Return when every node is up and serves, and every primary has its replicas in step."""
        _eventually(lambda: all(node.sees_a_whole_cluster(len(self.all)) for node in self.all))
        _eventually(lambda: all(node.replicas() == self._replicas for node in self.all if node.slots()))

    def primary_of(self, key: str) -> Node:
        """Return the node that serves a key now; waits for a failover that is under way."""
        slot = slot_of(key)
        _eventually(lambda: any(node.serves(slot) for node in self.all))
        return next(node for node in self.all if node.serves(slot))

    def replica_of(self, primary: Node) -> Node:
        """Return a replica of a node."""
        return next(node for node in self.all if self._follows(node, primary))

    def cut_off(self, replica: Node) -> None:
        """Have a replica hang, and nothing reach it that its primary does from here on, even when it goes on."""
        primary = next(node for node in self.all if self._follows(replica, node))
        tag = next(tag for tag in (f"{{{number}}}" for number in itertools.count()) if primary.serves(slot_of(tag)))
        replica.signal(signal.SIGSTOP)
        for number in range(16):  # more than the connection between them holds
            primary.ask("SET", f"{tag}:{number}", "." * 2**21)

    def hand_over(self, key: str) -> Node:
        """Have a replica take over in good order from the node that serves a key; return it."""
        former = self.primary_of(key)
        replica = self.replica_of(former)
        replica.ask("CLUSTER FAILOVER")
        _eventually(lambda: self._follows(former, replica))
        return replica

    def mend(self) -> None:
        """Start again what was killed, let go on what was stopped, and wait until the cluster is whole."""
        for node in self.all:
            node.signal(signal.SIGCONT)
            if not node.is_running():
                node.start()
        self.wait_until_whole()

    def empty(self) -> None:
        """Forget all data."""
        for node in self.all:
            node.ask("FLUSHALL")  # which a replica refuses; it has it from its primary

    @staticmethod
    def _follows(node: Node, primary: Node) -> bool:
        return (node.ask("INFO", "replication") or {}).get("master_port") == primary.port

    def stop(self) -> None:
        """End all nodes."""
        for node in self.all:
            node.kill()


@contextmanager
def run_nodes(directory: Path, replicas: int = 0) -> Iterator[Nodes]:
    """Lend a running cluster with its data in `directory`."""
    nodes = Nodes(directory, replicas)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.stop()


def slot_of(key: str) -> int:
    """Return the hash slot of a key."""
    return int(key_slot(key.encode()))


def _eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "the cluster is not ready in time"
        time.sleep(0.02)
