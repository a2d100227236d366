"""Orders that wait on a system that runs beside others: all of them fire, and what is said of them is so."""

import pytest

from tests.harness.bench.filled_redis import filled
from tests.harness.bench.load import Load
from tests.harness.bench.resting_live import run_live

FAR, RISING, CROWD = 60, 8, 40


def test_orders_fire_one_by_one_and_all_at_once_and_market_orders_go_on_beside_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A transaction that is dropped fails its market order.
    monkeypatch.setenv("DROP_RATE", "0")

    with filled(FAR) as redis:
        assert redis.orders == FAR
        live = run_live(redis, RISING, CROWD, Load(rate=20, seconds=1, concurrency=10))

    assert len(live.lateness.slots) == RISING
    assert live.lateness.never == 0
    assert live.lateness.blocks > RISING
    for crowd in (live.limits, live.stops):
        assert crowd.orders == crowd.followed.endings.total() == CROWD
        assert crowd.followed.left == crowd.followed.below == 0
        assert crowd.followed.seconds["half"] <= crowd.followed.seconds["99 %"] <= crowd.followed.seconds["all"]
    assert live.limits.followed.endings["confirmed"] == CROWD
    assert live.stops.fired_s > 0
    assert live.alone_ms.count == 20
    assert live.unclean == 0
