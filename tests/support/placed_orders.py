"""Places orders through the front door and audits what became of them, as the tests of faults need it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing

import aiohttp
import redis

from orderflow.adapters.postgres import connect
from tests.harness.chaos.checkers.audit import as_on_chain, conserved, executed_once, histories, present
from tests.harness.chaos.checkers.audit import ended as every_order_ended
from tests.harness.chaos.history.contents import LedgerContents, read_ledger
from tests.harness.chaos.mock_market import read_chain

ORDER = {"token_in": "SOL", "token_out": "USDC", "amount": "0.5", "order_type": "market"}
BACK = {"token_in": "USDC", "token_out": "SOL", "amount": "110", "order_type": "market"}


async def place(session: aiohttp.ClientSession, url: str, order: Mapping[str, object]) -> str:
    """Post an order and return its id."""
    async with session.post(f"{url}/api/orders/execute", json=order) as response:
        assert response.status == 202, await response.text()
        order_id: str = (await response.json())["order_id"]
        return order_id


def place_many(url: str, count: int) -> list[str]:
    """Post orders in both directions at once and return their ids."""
    return place_each(url, [(ORDER, BACK)[number % 2] for number in range(count)])


def place_each(url: str, orders: Sequence[Mapping[str, object]]) -> list[str]:
    """Post orders at once and return their ids."""

    async def run() -> list[str]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(place(session, url, order) for order in orders))

    return asyncio.run(run())


def audit(state: dict[str, object], order_ids: Collection[str], *, all_confirmed: bool = True) -> list[str]:
    """Return what is wrong in the Redis and the ledger of a running system's `state`, with these orders in them."""
    ledger = read_ledger(str(state["database_url"]))
    return violations(order_ids, ledger, str(state["redis_url"]), all_confirmed=all_confirmed)


def violations(
    order_ids: Collection[str], ledger: LedgerContents, redis_url: str, *, all_confirmed: bool = True
) -> list[str]:
    """Return what is wrong: every order must be there once, ended, with every event, and the atoms conserved."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        chain = read_chain(client)
    invariants = (
        present(order_ids, ledger),
        every_order_ended(ledger, all_confirmed=all_confirmed),
        histories(ledger),
        executed_once(ledger),
        as_on_chain(ledger, chain),
        conserved(ledger, chain),
    )
    return [violation for invariant in invariants for violation in invariant.violations]


def ended(state: dict[str, object]) -> int:
    """Return how many orders the ledger has that are confirmed or failed."""
    return _count(state, "status IN ('confirmed', 'failed')")


def under_way(state: dict[str, object]) -> int:
    """Return how many orders the ledger has that have been routed and have not ended."""
    return _count(state, "status NOT IN ('pending', 'confirmed', 'failed')")


def _count(state: dict[str, object], condition: str) -> int:
    with closing(connect(str(state["database_url"]))) as connection:
        [[count]] = connection.run(f"SELECT count(*) FROM orders WHERE {condition}")
        return int(count)
