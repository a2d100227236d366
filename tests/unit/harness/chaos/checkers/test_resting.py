"""chaos/checkers/resting.py: what is left of an order that ended, and a stop that was touched and rests, are found."""

import pytest

from tests.harness.chaos.checkers import resting
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.posts import Identity, Post
from tests.support.chaos_evidence import nothing_left, with_order
from tests.support.chaos_waiting import (
    EXPIRED,
    JUDGED_UNTIL_S,
    NOW_S,
    OCO,
    SOL,
    STOP,
    changes,
    posts,
    seen,
    ticks,
    waiting_run,
)

Conditions = dict[str, object]


def stop_post(**conditions: object) -> Post:
    return Post(Identity("SOL", "USDC", 2 * SOL), None, NOW_S, {STOP}, conditions=conditions)


def touched(post: Post, *references: float, until_s: float = JUDGED_UNTIL_S, made: list[Change] | None = None) -> int:
    """Return how many stops are found that were touched by these prices."""
    invariant = resting.touched_stops_fired(
        [post], changes() if made is None else made, seen(), waiting_run(), ticks(*references), until_s
    )
    return len(invariant.violations)


def test_what_is_left_of_orders_that_ended_is_found() -> None:
    places = {
        "{p0}:resting": [STOP],
        "{p0}:expiries": [EXPIRED],
        "{p1}:book:fall:SOL>USDC": ["unknown"],
        "{p1}:resting": [],
    }
    left = nothing_left(places=places, book_names=["p0 fall:SOL>USDC"])

    assert resting.no_place_is_left(left, waiting_run()).violations == [
        f"{STOP} is cancelled and still in {{p0}}:resting",
        f"{EXPIRED} is expired and still in {{p0}}:expiries",
        "unknown is not in the ledger and still in {p1}:book:fall:SOL>USDC",
        "the book p0 fall:SOL>USDC is noted and holds nothing",
    ]
    assert resting.no_place_is_left(nothing_left(), waiting_run()).violations == []


def test_a_stop_that_was_touched_and_rested_to_the_end_is_found() -> None:
    invariant = resting.touched_stops_fired(
        posts(), changes(), seen(), waiting_run(), ticks(215, 210, 215), JUDGED_UNTIL_S
    )

    assert invariant.checked == 1
    assert invariant.violations == [
        f"{STOP} rests, and its stop_loss was met in slot 101: {{'order_type': 'stop_loss', 'trigger_price': '210'}}"
    ]


@pytest.mark.parametrize(
    ("conditions", "references", "count"),
    [
        ({"order_type": "stop_loss", "trigger_price": "210"}, (210.1, 300), 0),
        ({"order_type": "take_profit", "trigger_price": "210"}, (209.9, 210), 1),
        ({"order_type": "take_profit", "trigger_price": "210"}, (209.9,), 0),
        ({"order_type": "stop_loss", "trigger_price": "210", "trigger_slots": 2}, (209,), 0),
        ({"order_type": "trailing_stop", "trail_bps": 100}, (220, 223, 220.8), 0),
        ({"order_type": "trailing_stop", "trail_bps": 100}, (220, 223, 220.5), 1),
        ({"order_type": "trailing_stop", "trail_bps": 100, "activation_price": "230"}, (220, 223, 200), 0),
        ({"order_type": "trailing_stop", "trail_bps": 100, "activation_price": "222"}, (220, 223, 200), 1),
        (
            {"order_type": "oco", "take_profit": {"trigger_price": "300"}, "stop_loss": {"trigger_price": "200"}},
            (201, 200),
            1,
        ),
    ],
)
def test_what_certainly_meets_a_rule(conditions: Conditions, references: tuple[float, ...], count: int) -> None:
    assert touched(stop_post(**conditions), *references) == count


def test_prices_count_from_when_it_was_seen_to_rest_to_when_the_run_was_over() -> None:
    post = stop_post(order_type="stop_loss", trigger_price="210")

    assert touched(post, 209, until_s=NOW_S + 10) == 0
    assert touched(post, 209, until_s=NOW_S + 10.5) == 1
    unseen = resting.touched_stops_fired([post], [], [], waiting_run(), ticks(209), JUDGED_UNTIL_S)
    assert (unseen.checked, unseen.violations) == (0, [])


def test_one_that_fired_was_amended_or_cancelled_before_is_left_out() -> None:
    post = stop_post(order_type="stop_loss", trigger_price="210")
    fired = with_order(STOP, rule="stop_loss")(waiting_run())

    assert resting.touched_stops_fired([post], [], seen(), fired, ticks(209), JUDGED_UNTIL_S).violations == []
    assert touched(post, 209, made=[Change(STOP, {"trigger_price": "1"}, JUDGED_UNTIL_S + 1)]) == 0
    assert touched(post, 209, made=[Change(STOP, {}, NOW_S + 5)]) == 0
    assert touched(post, 209, made=[Change(OCO, {}, NOW_S + 5)]) == 1
