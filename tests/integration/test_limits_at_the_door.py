"""Two gateways that ask for keys, on one Redis: what an account sends to both counts as one."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import redis

from orderflow.adapters.api_keys import ApiKeys
from orderflow.adapters.postgres import connect
from orderflow.domain.access import Limits, Rate
from tests.support.api_keys import make_key
from tests.support.doors import Answer, Door
from tests.support.placed_orders import ORDER

SLOW = Rate(per_second=0.001, burst=30)
EXECUTE, BATCH = "/api/orders/execute", "/api/orders/batch"


@pytest.fixture
def key(database_url: str, ledger_connection: object) -> Iterator[str]:
    """Lend a key of an account that may place 30 orders, 5 of them with a name."""
    text, key = make_key(limits=Limits(orders=SLOW, named_orders_a_day=5))
    keys = ApiKeys(lambda: connect(database_url))
    keys.add(key)
    yield text
    keys.close()


@pytest.fixture
def doors(redis_url: str, redis_client: redis.Redis, database_url: str, tmp_path: Any) -> Iterator[list[Door]]:
    settings = {"AUTH": "keys", "DATABASE_URL": database_url}
    doors = [Door(redis_url, tmp_path / f"{number}.log", settings) for number in range(2)]
    yield doors
    for door in doors:
        door.stop()


def post_at_all(doors: list[Door], times: int, key: str, path: str, body: Mapping[str, Any]) -> list[Answer]:
    """Post so often at each door, all at once."""
    requests = [({"Authorization": f"Bearer {key}"}, body)] * times

    async def at_all() -> list[list[Answer]]:
        return await asyncio.gather(*(asyncio.to_thread(door.post, requests, path) for door in doors))

    return [answer for of_door in asyncio.run(at_all()) for answer in of_door]


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def orders_of(client: redis.Redis) -> int:
    return len(list(client.scan_iter("{p*}:order:*")))


def test_two_doors_let_an_account_place_what_its_limit_says_and_no_order_more(
    doors: list[Door], redis_client: redis.Redis, key: str
) -> None:
    answers = post_at_all(doors, 40, key, EXECUTE, ORDER)

    assert statuses(answers) == {202: 30, 429: 50}
    assert orders_of(redis_client) == 30
    left = {answer.headers["ratelimit"].partition(";t=")[0] for answer in answers if answer.status == 202}
    assert left == {f'"orders";r={units}' for units in range(30)}
    assert {answer.document["limit"] for answer in answers if answer.status == 429} == {"orders"}


def test_a_batch_is_placed_whole_or_not_at_all_and_beyond_its_names_an_account_keeps_its_orders(
    doors: list[Door], redis_client: redis.Redis, key: str
) -> None:
    named = {"orders": [ORDER | {"client_order_id": f"order-{number}"} for number in range(4)]}

    assert statuses(post_at_all(doors, 1, key, BATCH, named)) == {202: 1, 429: 1}
    assert statuses(post_at_all(doors, 2, key, BATCH, {"orders": [ORDER] * 9})) == {202: 2, 429: 2}

    assert orders_of(redis_client) == 4 + 2 * 9
    assert statuses(post_at_all(doors[:1], 9, key, EXECUTE, ORDER)) == {202: 8, 429: 1}
