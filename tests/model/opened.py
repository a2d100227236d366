"""Opens the world of the model check: in place of the outside systems of this process, for as long as it is lent."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import redis

from orderflow.adapters import books, scripts
from orderflow.runtime import clients, clock, firing, order_ids
from orderflow.venues.mock import chain_store
from orderflow.venues.mock.universe import opening_pools
from tests.model.clocks import by_world_clock
from tests.model.world import World
from tests.support.builders import nth_id

POOLS = {"raydium_amm_v4:SOL-USDC", "meteora_dlmm:SOL-USDC"}


@contextmanager
def opened(client: redis.Redis, monkeypatch: pytest.MonkeyPatch, *, few_at_once: bool = False) -> Iterator[World]:
    """Lend a world, with the stages' clients and clock replaced by its own.

    With `few_at_once`, so few orders are found at a time that some are found only behind others.
    """
    # The other pools would only take time here.
    monkeypatch.setattr(
        chain_store, "opening_pools", lambda seed: [each for each in opening_pools(seed) if each.pool in POOLS]
    )
    source = scripts.source
    monkeypatch.setattr(scripts, "source", lambda *names, **where: by_world_clock(source(*names, **where)))
    world = World(client)
    for name in ("orders", "books", "venue", "watchers", "reports", "tallies", "ledger", "sockets", "replication"):
        monkeypatch.setattr(clients, name, lambda name=name: getattr(world, name))
    monkeypatch.setattr(
        clock, "time", SimpleNamespace(time_ns=lambda: 1_000_000 * world.note("clock", lambda: world.now_ms))
    )
    monkeypatch.setattr(order_ids, "new", lambda: world.note("a new id", lambda: nth_id(next(world.ids))))
    monkeypatch.setattr(firing, "logger", _BugLog(world))
    if few_at_once:
        monkeypatch.setattr(books, "PER_BOOK", 1)
        monkeypatch.setattr(books, "BY_SLOT", 2)
    logging.disable()
    try:
        yield world
    finally:
        logging.disable(logging.NOTSET)
        world.loop.close()


class _BugLog:
    """Stands for the log of orders that could not be looked at: such a thing is a bug."""

    def __init__(self, world: World) -> None:
        self._world = world

    def exception(self, message: str, **_more: object) -> None:
        self._world.bugs.append(f"{message}: {sys.exception()!r}")
