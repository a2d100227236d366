"""The limits of accounts on a real Redis: what may be spent, by how many gateways ever, and what is left behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from fractions import Fraction
from typing import TypeVar

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderflow.adapters import scripts
from orderflow.adapters.prepaid import most_ahead
from orderflow.adapters.rate_limits import RateLimits, Refused, meter
from orderflow.domain.access import Cost, Left, LimitName, Limits, Rate
from tests.support.redis_servers import RedisServer, on_single_and_cluster, opened_async
from tests.support.waiting import eventually

Result = TypeVar("Result")
NOW_US = 1_795_371_241_123_456
SECOND_US = 1_000_000
TEN = Rate(per_second=10, burst=5)
HUNDRED = Rate(per_second=100, burst=10)
SLOW = Rate(per_second=0.01, burst=50)


def with_limits(
    server: RedisServer, work: Callable[[RateLimits], Awaitable[Result]], now_us: int | None = NOW_US
) -> Result:
    async def run() -> Result:
        async with opened_async(server) as client:
            return await work(RateLimits(client, now_us))

    return asyncio.run(run())


def cost(units: int = 1, limit: LimitName = "orders", rate: Rate = TEN) -> Cost:
    return Cost(limit, rate, units)


async def spend(limits: RateLimits, *costs: Cost, account: str = "a") -> list[Left] | Refused:
    return await limits.spend(account, costs or [cost()])


class Bucket:
    """What the limits have to be equal to, in other words: a bucket that holds a burst, and fills at a rate.

    A clock that went back finds it as it was when something was last taken out.
    """

    def __init__(self, rate: Rate) -> None:
        self.unit_us, self.burst = meter(rate).unit_us, rate.burst
        self._level, self._at_us = Fraction(rate.burst), 0

    def level(self, now_us: int) -> Fraction:
        if now_us < self._at_us:
            self._at_us = now_us
        return min(Fraction(self.burst), self._level + Fraction(now_us - self._at_us, self.unit_us))

    def take(self, units: int, now_us: int) -> None:
        self._level, self._at_us = self.level(now_us) - units, now_us


# So slow that no key expires while a course is run, which real time does and the given one does not.
rates = st.builds(Rate, st.sampled_from([1.0, 0.3, 0.05]), st.integers(1, 40))
passing = st.sampled_from([-3_600 * SECOND_US, -7, 0, 1, 999, SECOND_US, 7 * SECOND_US, 1_000 * SECOND_US])
asking = st.dictionaries(st.sampled_from(["orders", "named"]), st.integers(1, 41), min_size=1)


@on_single_and_cluster
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({"orders": rates, "named": rates}), st.lists(st.tuples(passing, asking), max_size=25))
def test_what_may_be_spent_is_what_is_in_a_bucket_that_fills_at_the_rate(
    client: redis.Redis, of: dict[str, Rate], course: Sequence[tuple[int, dict[str, int]]]
) -> None:
    client.flushall()
    script, now_us = client.register_script(scripts.source("limit")), NOW_US
    buckets = {limit: Bucket(rate) for limit, rate in of.items()}
    for passed_us, units in course:
        now_us += passed_us
        arguments = [now_us, len(units)]
        for limit, count in units.items():
            arguments += [count * buckets[limit].unit_us, buckets[limit].burst * buckets[limit].unit_us]

        outcome = script([f"{{chain}}:limit:{limit}:a" for limit in units], arguments)

        fits = all(count <= buckets[limit].level(now_us) for limit, count in units.items())
        for limit, count in units.items():
            if fits:
                buckets[limit].take(count, now_us)
        assert outcome == [fits, *(buckets[limit].level(now_us) * buckets[limit].unit_us for limit in units)]


def test_what_is_refused_says_when_it_passes_and_then_it_does(redis_server: RedisServer, client: redis.Redis) -> None:
    async def work(limits: RateLimits) -> None:
        assert await spend(limits, cost(4)) == [Left("orders", TEN, 1, 400)]

        refused = await spend(limits, cost(3))

        assert refused == Refused(Left("orders", TEN, 1, 400), retry_after_ms=200)
        limits.now_us = NOW_US + 199_999
        assert isinstance(await spend(limits, cost(3)), Refused)
        limits.now_us = NOW_US + 200_000
        assert await spend(limits, cost(3)) == [Left("orders", TEN, 0, 500)]

    with_limits(redis_server, work)


@on_single_and_cluster
def test_of_several_limits_all_are_spent_or_none(redis_server: RedisServer, client: redis.Redis) -> None:
    async def work(limits: RateLimits) -> None:
        both = (cost(2), cost(2, "named", Rate(0.001, 3)))
        assert not isinstance(await spend(limits, *both), Refused)

        refused = await spend(limits, *both)

        assert isinstance(refused, Refused)
        assert (refused.left.limit, refused.left.units, refused.retry_after_ms) == ("named", 1, 1_000_000)
        assert await spend(limits, cost(3)) == [Left("orders", TEN, 0, 500)]

    with_limits(redis_server, work)


@on_single_and_cluster
@pytest.mark.parametrize("gateways", [1, 3])
def test_gateways_share_a_limit_to_the_unit(redis_server: RedisServer, client: redis.Redis, gateways: int) -> None:
    async def of_one(limits: RateLimits) -> int:
        asked = (limits.spend("a", [cost(rate=SLOW), cost(1, "named", Rate(0.01, 1_000))]) for _ in range(40))
        return sum(not isinstance(each, Refused) for each in await asyncio.gather(*asked))

    async def work(first: RateLimits) -> int:
        async with AsyncExitStack() as opened:
            others = [
                RateLimits(await opened.enter_async_context(opened_async(redis_server))) for _ in range(gateways - 1)
            ]
            return sum(await asyncio.gather(*map(of_one, (first, *others))))

    assert with_limits(redis_server, work, now_us=None) == min(40 * gateways, SLOW.burst)


def test_calls_that_share_a_trip_are_each_of_their_own_account(redis_server: RedisServer, client: redis.Redis) -> None:
    async def work(limits: RateLimits) -> None:
        asked = (spend(limits, cost(n), cost(1, "named"), account=f"account-{n}") for n in range(1, 7))

        first, *same_trip = await asyncio.gather(*asked)

        left = [each if isinstance(each, Refused) else each[0].units for each in (first, *same_trip)]
        assert left == [4, 3, 2, 1, 0, Refused(Left("orders", TEN, 5, 0), 100)]
        assert len(client.keys("*")) == 10

    with_limits(redis_server, work)


def test_accounts_do_not_share_one(redis_server: RedisServer, client: redis.Redis) -> None:
    async def work(limits: RateLimits) -> None:
        assert await spend(limits, cost(5)) == [Left("orders", TEN, 0, 500)]

        assert await spend(limits, cost(5), account="b") == [Left("orders", TEN, 0, 500)]

    with_limits(redis_server, work)


def test_a_refusal_leaves_nothing_behind(redis_server: RedisServer, client: redis.Redis) -> None:
    async def work(limits: RateLimits) -> None:
        assert isinstance(await spend(limits, cost(6)), Refused)
        assert isinstance(await spend(limits, cost(1), cost(6, "named")), Refused)

    with_limits(redis_server, work)

    assert client.keys("*") == []


@on_single_and_cluster
def test_what_is_kept_of_a_limit_goes_when_all_of_it_is_back(redis_server: RedisServer, client: redis.Redis) -> None:
    async def work(limits: RateLimits) -> None:
        await spend(limits, cost(3, rate=HUNDRED))
        await spend(limits, cost(5, "reads", SLOW))

    with_limits(redis_server, work, now_us=None)

    assert 400_000 < client.pttl("{chain}:limit:reads:a") <= 500_000
    eventually(lambda: not client.exists("{chain}:limit:orders:a"))


def test_a_clock_that_goes_back_takes_nothing_that_was_left(redis_server: RedisServer, client: redis.Redis) -> None:
    async def work(limits: RateLimits) -> None:
        await spend(limits, cost(4))
        limits.now_us = NOW_US - 3_600 * SECOND_US

        refused = await spend(limits, cost(2))

        assert isinstance(refused, Refused)
        assert refused.retry_after_ms == 100
        assert client.pttl("{chain}:limit:orders:a") <= 400
        limits.now_us += 100_000
        assert await spend(limits, cost(2)) == [Left("orders", TEN, 0, 500)]

    with_limits(redis_server, work)


def test_a_key_with_a_lower_rate_does_not_shorten_what_another_has_spent(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    async def work(limits: RateLimits) -> None:
        await spend(limits, cost(50, rate=SLOW))

        refused = await spend(limits, cost(1, rate=TEN))

        assert isinstance(refused, Refused)
        assert refused.left.units == 0
        assert await spend(limits, cost(1, rate=SLOW)) == Refused(Left("orders", SLOW, 0, 5_000_000), 100_000)

    with_limits(redis_server, work)


def test_an_empty_limit_is_refused_without_asking_until_its_next_unit_is_back(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    rate = Rate(per_second=5, burst=2)

    def calls() -> int:
        return int(client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    async def work(limits: RateLimits) -> None:
        await spend(limits, cost(2, rate=rate))
        refused = await spend(limits, cost(1, rate=rate))
        assert isinstance(refused, Refused)
        before, started = calls(), time.monotonic()
        while limits.refused_already("a", [cost(1, rate=rate)]):
            again = await spend(limits, cost(2, rate=rate))
            assert isinstance(again, Refused)
            assert calls() == before
            assert 200 < again.retry_after_ms <= 400
            await asyncio.sleep(0.01)
        waited_ms = (time.monotonic() - started) * 1000

        assert refused.retry_after_ms - 50 < waited_ms
        assert not limits.refused_already("b", [cost(1, rate=rate)])

    with_limits(redis_server, work, now_us=None)


def test_a_rate_is_counted_so_that_never_more_comes_back() -> None:
    assert meter(Rate(50, 100)) == (20_000, 2_000_000)
    assert meter(Rate(3, 1)) == (333_334, 333_334)
    assert meter(Limits().named) == (432_000, 86_400 * SECOND_US)
    assert meter(Rate(5e6, 10)) == (1, 10)


def test_a_busy_process_spends_ahead_and_lets_no_more_pass_than_there_is(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    """A hundredth of the burst may be given up when what is left gets less than what is spent ahead."""
    rate, passed = Rate(per_second=100, burst=2_000), 0
    unit_us = meter(rate).unit_us

    async def use_up(limits: RateLimits) -> int:
        nonlocal passed
        while isinstance(await spend(limits, cost(rate=rate)), list):
            passed += 1
        return passed

    started = time.monotonic()
    client.config_resetstat()
    with_limits(redis_server, use_up, now_us=None)
    back_meanwhile = (time.monotonic() - started) * 1_000_000 / unit_us

    calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert rate.burst - most_ahead(rate) <= passed <= rate.burst + back_meanwhile + 1
    assert calls < passed / 2
