"""What is wanted of orders that wait for launches, and whether what was measured is so."""

import argparse
from dataclasses import replace
from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from orderflow.domain.launches import PRIORITIES
from orderflow.domain.status import Status
from tests.harness.bench import arguments, command, sniper
from tests.harness.bench.against import Comparison, Pair, compare
from tests.harness.bench.load import Load
from tests.harness.bench.mock_market import launch_at
from tests.harness.bench.sniped import Bought, Sniped
from tests.harness.bench.sniper import Launched, SniperResult, launched, show, wanted
from tests.harness.bench.sniper_live import Wave, orders_for
from tests.harness.timings import Timings
from tests.support.bench_results import make_result

LANDED = {"turbo": {"1": 90, "2": 10}, "fast": {"1": 65, "2": 25, "3": 10}, "normal": {"1": 35, "4": 10}}
BESIDE = Launched(5, 245, LANDED, {"confirmed": 245}, [], 0, 0)


def market(p99_ms: float) -> list[Comparison]:
    other, this = (make_result(post_to_confirmed_ms=Timings.of([2_000.0, p99])) for p99 in (3_000.0, p99_ms))
    return compare([Pair(other=other, this=this)])


def result(**changes: Any) -> SniperResult:
    """Return a result in which everything is as it is wanted, with `changes`."""
    values: dict[str, Any] = {
        "market": market(3_100.0),
        "in_flight": [2_040, 2_010],
        "beside": BESIDE,
        "crowd": Launched(1, 1_000, LANDED, {"confirmed": 900, "failed: Price moved …%": 100}, [], 0, 0),
        "clean": True,
    }
    return SniperResult(**values | changes)


def test_all_is_as_it_is_wanted() -> None:
    assert all(each.reached for each in wanted(result()))
    assert result().reached


@pytest.mark.parametrize(
    ("place", "measured", "changes"),
    [
        (0, "1,799 – 2,040", {"in_flight": [2_040, 1_799]}),
        (0, "2,040 – 2,501", {"in_flight": [2_040, 2_501]}),
        (1, "2", {"beside": replace(BESIDE, landed={"turbo": {"1": 49, "2": 51}})}),
        (2, "3", {"beside": replace(BESIDE, landed={"turbo": {"1": 96, "2": 2, "3": 2}})}),
        (3, "1.11", {"market": market(3_330.0)}),
        (3, "0.89", {"market": market(2_670.0)}),
        (3, "0.00", {"market": []}),
        (4, "1", {"beside": replace(BESIDE, faults=["a has not ended: open"])}),
        (5, "3", {"crowd": replace(BESIDE, unexplained=3)}),
        (6, "1", {"crowd": replace(BESIDE, other_pools=1)}),
    ],
)
def test_what_is_not_as_it_is_wanted_is_found(place: int, measured: str, changes: dict[str, Any]) -> None:
    spoilt = result(**changes)

    missed = [number for number, each in enumerate(wanted(spoilt)) if not each.reached]
    assert missed == [place]
    assert wanted(spoilt)[place].measured == measured
    assert not spoilt.reached


def test_a_market_order_that_was_lost_is_no_success() -> None:
    assert not result(clean=False).reached


def test_no_launch_bought_is_no_success() -> None:
    assert not result(beside=replace(BESIDE, landed={})).reached


def test_everything_is_printed_and_what_is_missed_is_marked() -> None:
    written = StringIO()

    show(result(beside=replace(BESIDE, faults=["x is [lost]"])), Console(file=written, width=140))

    rows = [
        [cell.strip() for cell in line.strip("│").split("│")] for line in written.getvalue().splitlines() if "│" in line
    ]
    assert ["turbo", "90%", "10%", "0%", "0%", "0%", "100", "1", "2"] in rows
    assert ["→ confirmed, p99 ms", "3,000.0", "3,100.0", "1.03", "1.03 – 1.03"] in rows
    assert ["failed: Price moved …%", "100"] in rows
    assert ["turbo, slots from open, p99", "≤ 2", "2", "yes"] in rows
    assert ["orders neither bought once nor ended for a reason", "0", "1", "NO"] in rows
    assert "x is [lost]" in written.getvalue()


def test_the_result_for_machines_is_json() -> None:
    document = orjson.loads(orjson.dumps(result()))

    assert document["beside"]["landed"] == LANDED
    assert document["in_flight"] == [2_040, 2_010]


def test_orders_of_several_launches_are_summed_up() -> None:
    launch = launch_at(1, 50)
    bought = Sniped("a", Status.CONFIRMED, None, 100, 1, 1, (Bought(launch.pool, 100, 7),))
    first = Wave(launch, {"a": "turbo"}, [bought], 0, same_pool=True)
    second = Wave(launch, {"b": "turbo", "c": "fast"}, [replace(bought, order_id="b", slots_from_open=2)], 4)

    summed = launched([first, second])

    assert summed == Launched(
        launches=2,
        orders=3,
        landed={"turbo": {"1": 1, "2": 1}},
        endings={"confirmed": 2},
        faults=["c is not in the ledger"],
        unexplained=4,
        other_pools=1,
    )
    assert summed.slots("turbo") == Timings.of([1.0, 2.0])


def test_every_order_for_a_launch_sells_another_amount_so_that_each_has_draws_of_its_own() -> None:
    launch = launch_at(1, 50)

    orders = list(orders_for(launch, [(priority, 20) for priority in PRIORITIES]))

    assert len({order["amount"] for order in orders}) == 60
    assert {order["token_in"] for order in orders} == {launch.quote}
    assert {str(order["target"]) for order in orders} == {str({"mint": launch.token.mint})}
    assert [order["priority"] for order in orders] != sorted((order["priority"] for order in orders), key=str)


def test_it_is_measured_as_the_command_line_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, float | None]] = []

    def measure(orders: int, repeat: int, say: object, load: Load) -> SniperResult:
        asked.append((orders, repeat, load.rate))
        return result(clean=len(asked) == 1)

    monkeypatch.setattr(sniper, "run_sniper", measure)
    parser = argparse.ArgumentParser()
    arguments.add_arguments(parser)

    statuses = [
        command.run(parser.parse_args(["sniper", *words]))
        for words in ((), ("--orders", "9", "--repeat", "2", "--rate", "50"))
    ]

    assert asked == [(sniper.CROWD, sniper.PAIRS, sniper.LOAD.rate), (9, 2, 50.0)]
    assert statuses == [0, 1]
