"""Orders that wait for launches on a system that runs: each buys once or ends for a reason, as its pool says."""

from tests.harness.bench.load import Load
from tests.harness.bench.sniper import run_sniper, wanted

CROWD = 60


def test_orders_for_launches_are_accounted_for_beside_market_orders_and_alone() -> None:
    said: list[str] = []

    result = run_sniper(
        CROWD,
        1,
        said.append,
        Load(rate=40, seconds=4, sockets=False, concurrency=10, mix="small"),
        (("turbo", 10), ("normal", 5)),
        speed=0.2,
    )

    assert [" cores, " in line for line in said] == [False, False, True, True]
    assert result.clean
    assert result.beside.launches >= 1
    assert result.beside.orders == 15 * result.beside.launches
    assert (result.crowd.launches, result.crowd.orders) == (1, CROWD)
    for launched in (result.beside, result.crowd):
        assert sum(launched.endings.values()) == launched.orders
        assert launched.endings["confirmed"] > 0
        assert set(launched.landed) <= {"turbo", "fast", "normal"}
        assert (launched.faults, launched.unexplained, launched.other_pools) == ([], 0, 0)
    assert result.crowd.slots("turbo").minimum >= 1
    assert {each.label for each in result.market} >= {"→ confirmed, p99 ms"}
    assert len(wanted(result)) == 7
