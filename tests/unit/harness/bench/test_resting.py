"""What is wanted of orders that wait, and whether what was measured is so."""

import argparse
from collections import Counter
from dataclasses import replace
from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from tests.harness.bench import arguments, command, resting
from tests.harness.bench.against import Pair, compare
from tests.harness.bench.resting import RestingResult, Sides, show, wanted
from tests.harness.bench.resting_costs import Cost
from tests.harness.bench.resting_live import Crowd, Live
from tests.harness.bench.triggering import Lateness
from tests.harness.bench.waiting_orders import Followed
from tests.harness.timings import Timings
from tests.support.bench_results import make_result


def costs(few: float, many: float, *functions: str) -> Sides:
    """Return costs of which Redis has a half, and the functions the other one."""
    few_and_many = (Cost(dict.fromkeys(functions, each / 2 / len(functions)), each / 2) for each in (few, many))
    return Sides(*([cost] * 3 for cost in few_and_many))


def slots(many: float) -> Sides:
    return costs(3_000.0, many, "produce_block", "trigger_orders")


def market(many_us: float) -> Any:
    few, many = (make_result(processor_us_per_order={"pollers": used, "bench": 9.0}) for used in (1_000.0, many_us))
    return compare([Pair(other=few, this=many)])


def live(**changes: Any) -> Live:
    ended = Followed(
        Counter(confirmed=99), 3, seconds={"half": 1.0, "99 %": 2.0, "all": 3.0}, slots={"half": 2, "99 %": 3, "all": 4}
    )
    crowd, timings = Crowd(99, 2.0, ended), Timings.of([10.0, 20.0])
    values: dict[str, Any] = {
        "lateness": Lateness([0] * 99 + [2], [15.0] * 100, blocks=120, missed=1),
        "limits": crowd,
        "stops": replace(crowd, fired_s=0.5),
        "alone_ms": timings,
        "beside_ms": timings,
        "unclean": 0,
    }
    return Live(**values | changes)


def result(**changes: Any) -> RestingResult:
    """Return a result in which everything is as it is wanted, with `changes`."""
    values: dict[str, Any] = {
        "orders": 100_000,
        "bytes_per_order": 1_500.0,
        "slots": slots(3_300.0),
        "opened": costs(100.0, 101.0, "open_order"),
        "cancelled": costs(50.0, 51.0, "cancel"),
        "market": market(1_050.0),
        "live": live(),
        "clean": True,
    }
    return RestingResult(**values | changes)


def test_all_is_as_it_is_wanted() -> None:
    assert all(each.reached for each in wanted(result()))
    assert result().reached


@pytest.mark.parametrize(
    ("place", "measured", "changes"),
    [
        (0, "1.21", {"slots": slots(3_630.0)}),
        (1, "1.11", {"market": market(1_110.0)}),
        (1, "0.89", {"market": market(890.0)}),
        (2, "2.51", {"bytes_per_order": 2_510.0}),
        (3, "3", {"live": live(lateness=Lateness([0] * 98 + [3, 3], [1.0] * 100))}),
        (4, "1", {"live": live(lateness=Lateness([0], [1.0], never=1))}),
        (5, "2", {"live": live(limits=Crowd(9, 1.0, Followed(Counter(confirmed=9), below=2)))}),
        (6, "7", {"live": live(stops=Crowd(9, 1.0, Followed(Counter(confirmed=2), left=7)))}),
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


def test_what_a_million_take_is_said_to_be_extrapolated_where_fewer_were_measured() -> None:
    assert "extrapolated" in wanted(result())[2].label
    assert "extrapolated" not in wanted(result(orders=1_000_000))[2].label


def test_everything_is_printed_and_what_is_missed_is_marked() -> None:
    written = StringIO()

    show(result(slots=slots(3_630.0)), Console(file=written, width=140))

    rows = {
        cells[0].strip(): [cell.strip() for cell in cells[1:]]
        for line in written.getvalue().splitlines()
        if len(cells := line.strip("│").split("│")) > 1
    }
    assert rows["a slot"] == ["3,000", "3,630", "1.21", "1.21 – 1.21"]
    assert rows["trigger_orders"] == ["750", "908", "1.21", "1.21 – 1.21"]
    assert rows["the system"] == ["1,000", "1,050", "1.05", "1.05 – 1.05"]
    assert rows["s from their price until all had ended"] == ["3.0", "3.5"]
    assert rows["s from their price until all had fired"] == ["", "0.50"]
    assert rows["while the limits are executed"] == ["2", "10.0", "20.0", "20.0"]
    assert rows["a slot, many by few"] == ["≤ 1.2", "1.21", "NO"]
    assert rows["slots until a limit fired, p99"] == ["≤ 2", "0", "yes"]
    assert "0 / 0 / 2 slots, 15 / 15 / 15 ms" in written.getvalue()
    assert "of 121 blocks 1 were not seen" in written.getvalue()


@pytest.mark.parametrize(("many_us", "status"), [(1_050.0, 0), (1_110.0, 1)])
def test_one_json_object_has_all_that_was_measured_and_what_is_wanted_and_the_exit_status_says_whether_it_is_so(
    many_us: float, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[int, int]] = []

    def measured(orders: int, repeat: int, say: object) -> RestingResult:
        asked.append((orders, repeat))
        return result(market=market(many_us))

    monkeypatch.setattr(resting, "run_resting", measured)
    parser = argparse.ArgumentParser()
    arguments.add_arguments(parser)

    assert command.run(parser.parse_args(["resting", "--json", "--orders", "1", "--repeat", "2"])) == status

    # There are more than those that they are compared with.
    assert asked == [(resting.FEW + 1, 2)]
    document = orjson.loads(capsys.readouterr().out)
    assert document["measured"]["live"]["limits"]["followed"]["endings"] == {"confirmed": 99}
    assert [each["label"] for each in document["wanted"] if not each["reached"]] == [
        "a market order, many by few"
    ] * status
