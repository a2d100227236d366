"""Redis for the model check: a client whose calls go through an actor's tape, and snapshots of all it holds."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import redis
from redis.client import Pipeline
from redis.commands.core import Script

from orderflow.adapters import scripts
from orderflow.venues.mock.chain_store import KEEP_UNFORGOTTEN_MS

Ask = Callable[[Sequence[object], Callable[[], Any], Callable[[], Exception]], Any]

SCRIPTS = "tests.model.scripts"
# Large, and changed only by a block's commit: read only when the number of the last block has changed.
MARKET = ("{chain}:pools", "{chain}:opening", "{chain}:flows")


def lost_call() -> Exception:
    """Return the error of a call that gets no answer."""
    return redis.ConnectionError("the connection was lost")


class TapedRedis(redis.Redis):
    """A client whose every call, a pipeline's too, is handed to `ask`. Its scripts are loaded before it uses them."""

    ask: Ask
    scripts: dict[str, Script]

    @classmethod
    def on(cls, client: redis.Redis, ask: Ask) -> "TapedRedis":
        """Return a client on the connections of another."""
        taped = cls(connection_pool=client.connection_pool)
        taped.ask, taped.scripts = ask, {}
        return taped

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Hand the command to `ask`; one that would block returns at once instead."""
        question = args
        if args[0] == "XREADGROUP" and b"BLOCK" in args:
            at = args.index(b"BLOCK")
            args = args[:at] + args[at + 2 :]
        return self.ask(question, lambda: super(TapedRedis, self).execute_command(*args, **options), lost_call)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline that is one call."""
        pipeline = _TapedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.ask = self.ask
        return pipeline

    def register_script(self, script: Any) -> Script:
        """Load the script at once, the first time, so that running it is always one call."""
        if script not in self.scripts:
            super().execute_command("SCRIPT LOAD", script)  # type: ignore[no-untyped-call]
            self.scripts[script] = super().register_script(script)
        return self.scripts[script]


class _TapedPipeline(Pipeline):
    ask: Ask

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        question = [command.args if hasattr(command, "args") else command[0] for command in self.command_stack]
        replies = self.ask(question, lambda: super(_TapedPipeline, self).execute(raise_on_error), lost_call)
        return list(replies)


class AsyncFace:
    """The part of an asyncio client that the front door uses, over a blocking one. Its Redis never runs full."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def register_script(self, text: str) -> Callable[..., Awaitable[Any]]:
        """Return the script to be awaited."""
        script = self._client.register_script(text)

        async def call(keys: Sequence[Any] = (), args: Sequence[Any] = ()) -> Any:
            return script(keys, args)

        return call

    async def get(self, _name: str) -> None:
        """Know no number of partitions: a world never changes it."""

    async def set(self, _name: str, _value: int, *, nx: bool) -> None:
        """Keep none."""

    async def info(self, _section: str) -> dict[str, int]:
        """Say that no memory is used."""
        return {"used_memory": 0}

    async def xlen(self, _name: str) -> int:
        """Say that a stream is empty."""
        return 0

    async def zcard(self, _name: str) -> int:
        """Say that a set is empty."""
        return 0


class Stream:
    """What a stream holds: its entries, and for each group those that it has not acknowledged."""

    def __init__(self, content: Sequence[Any]) -> None:
        facts = _pairs(content)
        self.last_id: str = facts["last-generated-id"]
        self.entries: dict[str, dict[str, str]] = {entry_id: _pairs(fields) for entry_id, fields in facts["entries"]}
        self.read_to: dict[str, str] = {}
        self.pending: dict[str, dict[str, int]] = {}
        """By group and id, how often each entry was handed out."""
        for group in map(_pairs, facts["groups"]):
            self.read_to[group["name"]] = group["last-delivered-id"]
            self.pending[group["name"]] = {entry_id: times for entry_id, _, _, times in group["pending"]}

    def unread(self, group: str) -> list[str]:
        """Return the ids of the entries that a group has not read."""
        read_to = id_order(self.read_to.get(group, "0-0"))
        return [entry_id for entry_id in self.entries if id_order(entry_id) > read_to]

    def unacknowledged(self, group: str) -> list[str]:
        """Return the ids of the entries that a group has not acknowledged, read or not."""
        pending = self.pending.get(group, {})
        return [entry_id for entry_id in self.entries if entry_id in pending] + self.unread(group)


class Snapshot:
    """All that Redis holds, but for the market's pools."""

    def __init__(self, client: redis.Redis) -> None:
        self.streams: dict[str, Stream] = {}
        self.timers: dict[str, list[str]] = {}
        self.orders: dict[str, Mapping[str, str]] = {}
        self.results: dict[str, str] = {}
        self.watchers: dict[str, object] = {}
        """By key, the watchers of an order, those that left it, and the orders that a connection watches."""
        self.lives_ms: dict[str, int] = {}
        """By key, after how long it expires; -1: never."""
        self.books: dict[str, dict[str, float]] = {}
        """By key, the orders of each book with the price of each."""
        self.first_prices: dict[str, dict[str, float]] = {}
        """By partition, of each of its books the price that is reached first, as Redis says."""
        self.resting: dict[str, float] = {}
        """The slot at which each order that rests is to be looked at."""
        self.expiries: dict[str, float] = {}
        """When each order expires, by the order's first step."""
        self.fired: dict[str, float] = {}
        """The slot in which each order fired that counts as on its way, by its id, its pair and its amount."""
        self.block = "0"
        self.slot = 0
        self.has_ticks = False
        for name, life_ms, content in sorted(
            client.eval(scripts.source("snapshot", package=SCRIPTS), 0, f" {' '.join(MARKET)} ")
        ):
            self.lives_ms[name] = life_ms
            partition, _, of_partition = name.partition(":")
            kind = of_partition.partition(":")[0]
            if kind == "order":
                self.orders[name.rpartition(":")[2]] = _pairs(content)
            elif kind == "tx":
                self.results[name.rpartition(":")[2]] = content
            elif kind in ("watchers", "left", "watched"):
                self.watchers[name] = content
            elif kind == "timers":
                self.timers[name] = content
            elif kind == "slot":
                market = _pairs(content)
                self.block, self.slot = market.get("block", "0"), int(market.get("slot", 0))
                self.has_ticks = "ticks" in market
            elif kind == "book":
                self.books[name] = _scores(content)
            elif kind == "books":
                self.first_prices[partition.strip("{}")] = _scores(content)
            elif kind == "resting":
                self.resting |= _scores(content)
            elif kind == "expiries":
                self.expiries |= _scores(content)
            elif kind == "fired":
                self.fired |= _scores(content)
            elif kind == "wakes":
                pass  # it only ends a wait early
            elif isinstance(content, list) and content and content[0] == "length":
                self.streams[name] = Stream(content)

    def dead_letters(self, partition: str) -> list[dict[str, str]]:
        """Return the records of a partition that were given up."""
        dead = self.streams.get(f"{{{partition}}}:dead")
        return list(dead.entries.values()) if dead else []

    def dead(self, stream: str, order_id: str) -> bool:
        """Return whether a record of a stream with an order was given up."""
        letters = [
            each for name, dead in self.streams.items() if name.endswith(":dead") for each in dead.entries.values()
        ]
        return any(each["stream"] == stream and order_id in each.get("order", "") for each in letters)

    def facts(self) -> str:
        """Return all of it as text; of a key that was let go, only that it was."""
        streams = {name: (stream.entries, stream.read_to, stream.pending) for name, stream in self.streams.items()}
        expiring = sorted(name for name, life_ms in self.lives_ms.items() if not lasts(life_ms))
        resting = f"{self.books} {self.first_prices} {self.resting} {self.expiries} {self.fired} {self.has_ticks}"
        return f"{streams} {self.timers} {self.orders} {self.watchers} {self.results} {expiring} {self.block} {resting}"


def _pairs(flat: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _scores(content: Sequence[str]) -> dict[str, float]:
    return {member: float(score) for member, score in _pairs(content).items()}


def lasts(life_ms: int) -> bool:
    """Return whether a key that lives so long was not let go: for ever, or as a result that nobody has forgotten.

    By the world's clock, which is far ahead of Redis' own, those that were forgotten live longer.
    """
    return life_ms < 0 or KEEP_UNFORGOTTEN_MS // 2 < life_ms <= KEEP_UNFORGOTTEN_MS


def id_order(entry_id: str) -> tuple[int, int]:
    """Return what orders the ids of entries: milliseconds, then number."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
