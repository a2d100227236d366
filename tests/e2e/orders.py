"""Places orders through the front door and audits what became of them, as the tests of faults need it."""

import asyncio
from collections import Counter
from collections.abc import Iterable

import aiohttp
import redis

from orderflow.adapters.postgres import connect
from orderflow.adapters.venue import MockVenue

ORDER = {"token_in": "SOL", "token_out": "USDC", "amount": "0.5", "order_type": "market"}
BACK = {"token_in": "USDC", "token_out": "SOL", "amount": "110", "order_type": "market"}


async def place(session: aiohttp.ClientSession, url: str, order: dict[str, str]) -> str:
    """Post an order and return its id."""
    async with session.post(f"{url}/api/orders/execute", json=order) as response:
        assert response.status == 202, await response.text()
        order_id: str = (await response.json())["order_id"]
        return order_id


def place_many(url: str, count: int) -> list[str]:
    """Post orders in both directions at once and return their ids."""

    async def run() -> list[str]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(place(session, url, (ORDER, BACK)[number % 2]) for number in range(count)))

    return asyncio.run(run())


def audit(state: dict[str, object], order_ids: Iterable[str]) -> list[str]:
    """Return what is wrong: every order must be there once, confirmed, with every event, and the atoms conserved."""
    wrong: list[str] = []
    connection = connect(str(state["database_url"]))
    try:
        rows = {
            order_id: (status, sequence)
            for order_id, status, sequence in connection.run("SELECT order_id::text, status, sequence FROM orders")
        }
        wrong += [f"{order_id} is missing" for order_id in order_ids if order_id not in rows]
        wrong += [f"{order_id} is {status}" for order_id, (status, _) in rows.items() if status != "confirmed"]
        events = connection.run(
            "SELECT order_id::text, array_agg(sequence ORDER BY sequence) FROM order_events GROUP BY 1"
        )
        wrong += [
            f"{order_id} has events {sequences}"
            for order_id, sequences in events
            if sequences != list(range(1, rows[order_id][1] + 1))
        ]
        flows: Counter[tuple[str, str]] = Counter()
        for pool, token_in, amount_in, token_out, amount_out in connection.run(
            "SELECT pool, token_in, amount_in, token_out, amount_out FROM fills"
        ):
            flows[pool, token_in] += int(amount_in)
            flows[pool, token_out] -= int(amount_out)
    finally:
        connection.close()
    return wrong + _not_conserved(str(state["redis_url"]), flows)


def _not_conserved(redis_url: str, flows: Counter[tuple[str, str]]) -> list[str]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        venue = MockVenue(client, seed=1)
        opening = venue.opening()
        _, state = venue.state()
        now = state.pools
        # Others trade too: the mock market's noise and arbitrage, which the chain keeps account of.
        flows = Counter(flows)
        flows.update(venue.flows())
    changes: Counter[tuple[str, str]] = Counter()
    for pools, sign in ((now, 1), (opening, -1)):
        for pool in pools.values():
            changes[pool.pool, pool.token_a] += sign * (pool.reserve_a + pool.withheld_a)
            changes[pool.pool, pool.token_b] += sign * (pool.reserve_b + pool.withheld_b)
    return [
        f"{place}: the vault changed by {changes[place]}, the fills by {flows[place]}"
        for place in changes.keys() | flows.keys()
        if changes[place] != flows[place]
    ]


def ended(state: dict[str, object]) -> int:
    """Return how many orders the ledger has that are confirmed or failed."""
    connection = connect(str(state["database_url"]))
    try:
        [[count]] = connection.run("SELECT count(*) FROM orders WHERE status IN ('confirmed', 'failed')")
        return int(count)
    finally:
        connection.close()
