"""Orders cancelled and amended over HTTP, through all functions on a real Redis: what fires, and what does no more."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import redis

from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.order import OrderRequest
from orderflow.domain.status import Status
from orderflow.runtime import clock
from tests.support.driven import Driven, driven
from tests.support.http_api import delete, get, patch, post

SOL, USDC = 10**9, 10**6
EXECUTED = ["triggered", "routing", "building", "submitted", "confirmed"]


@pytest.fixture
def engine(redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    with driven(redis_client, redis_url, monkeypatch) as lent:
        yield lent


def limit(price: str, amount: int = 5 * SOL, **more: Any) -> OrderRequest:
    return OrderRequest("SOL", "USDC", amount, "limit", 500, limit=Limit(Price(Decimal(price))), **more)


def triggered_by(*triggers: Trigger) -> OrderRequest:
    order_type = "oco" if len(triggers) > 1 else triggers[0].rule
    return OrderRequest("SOL", "USDC", 5 * SOL, order_type, 2000, triggers=triggers)


def amend(engine: Driven, order_id: str, **fields: Any) -> Any:
    """Amend an order, let the functions work, and return the answer."""
    answer = patch(order_id, json.dumps(fields))
    assert answer.status == 200, answer.document
    engine.work()
    return answer.document


def reprice(engine: Driven, price: str, slots: int = 2) -> None:
    engine.reprice("SOL", price)
    engine.advance(slots)


def test_a_cancelled_order_never_fires_and_leaves_its_books_and_its_end(engine: Driven) -> None:
    order_id = engine.place(limit("230", expires_at_ms=clock.now_ms() + 60_000, time_in_force="gtd"))

    answer = delete(order_id)
    reprice(engine, "260")

    assert answer.document == {
        "order_id": order_id,
        "status": "cancelled",
        "sequence": 3,
        "amount_filled": "0",
        "amount_remaining": "5",
    }
    assert engine.statuses(order_id) == ["pending", "open", "cancelled"]
    assert (engine.books(order_id), engine.look_slot(order_id)) == ({}, None)
    assert delete(order_id).document == answer.document


def test_many_orders_are_cancelled_across_the_partitions(engine: Driven) -> None:
    ids = [engine.place(limit("230")) for _ in range(20)]

    answer = post(json.dumps({"order_ids": ids}), path="/api/orders/cancel")

    assert answer.status == 200
    assert [result["order"]["order_id"] for result in answer.document["results"]] == ids
    assert {engine.order(order_id).status for order_id in ids} == {Status.CANCELLED}


@pytest.mark.parametrize("price", ["226", "205"])
def test_once_the_transaction_is_out_the_chain_says_whether_it_was_cancelled(engine: Driven, price: str) -> None:
    order_id = engine.place(limit("221.5"))
    engine.reprice("SOL", "226")
    engine.venue.produce_blocks([], beat=True)
    engine.work(without=("produce_block",))

    answer = delete(order_id)
    reprice(engine, price)

    assert (answer.status, answer.document["cancel"]) == (202, "requested")
    ended = "confirmed" if price == "226" else "cancelled"
    assert engine.statuses(order_id)[-2:] == ["submitted", ended]
    last = delete(order_id)
    assert last.status == (409 if ended == "confirmed" else 200)


def test_an_amended_limit_fires_at_its_new_price_and_not_at_the_old_one(engine: Driven) -> None:
    order_id = engine.place(limit("230"))

    answer = amend(engine, order_id, limit_price="240")
    assert engine.books(order_id) == {"limit:SOL>USDC": 240.0}
    reprice(engine, "236")
    assert engine.statuses(order_id) == ["pending", "open", "open"]
    reprice(engine, "246")

    order = engine.order(order_id)
    assert (answer["sequence"], answer["limit_price"]) == (3, "240")
    assert engine.statuses(order_id)[3:] == EXECUTED
    assert (order.amount_out or 0) >= 5 * 240 * USDC


def test_a_limit_that_is_amended_to_what_the_market_pays_is_executed_at_once(engine: Driven) -> None:
    order_id = engine.place(limit("230"))

    amend(engine, order_id, limit_price="200", amount=3)

    assert engine.statuses(order_id)[3:] == EXECUTED
    assert engine.order(order_id).amount_filled == 3 * SOL


def test_an_amended_stop_that_is_met_fires_when_it_is_looked_at(engine: Driven) -> None:
    order_id = engine.place(triggered_by(Trigger("stop_loss", 2000, price=Price(Decimal(200)))))

    amend(engine, order_id, trigger_price="225")

    assert engine.statuses(order_id) == ["pending", "open", "open", *EXECUTED]


def test_slots_in_a_row_are_counted_anew_for_an_amended_stop(engine: Driven) -> None:
    order_id = engine.place(triggered_by(Trigger("stop_loss", 2000, price=Price(Decimal(215)), slots=3)))
    reprice(engine, "205")

    amend(engine, order_id, trigger_price="216")
    engine.advance(1)
    assert engine.statuses(order_id) == ["pending", "open", "open"]
    engine.advance(2)

    assert engine.statuses(order_id)[3:] == EXECUTED


def test_an_amended_trailing_stop_goes_on_from_the_highest_price_that_it_has_seen(engine: Driven) -> None:
    start = Price(Decimal(225))
    order_id = engine.place(triggered_by(Trigger("trailing_stop", 2000, trail_bps=2000, activation_price=start)))
    reprice(engine, "240")
    before = get(f"/api/orders/{order_id}").document["resting"]
    reprice(engine, "223")
    assert engine.statuses(order_id) == ["pending", "open"]

    # Below where it is active from, but 500 bps below the highest are not reached yet.
    answer = amend(engine, order_id, trail_bps=800)
    after = get(f"/api/orders/{order_id}").document["resting"]
    assert engine.statuses(order_id) == ["pending", "open", "open"]
    assert set(engine.books(order_id)) == {"fall:SOL>USDC", "rise:SOL>USDC"}
    assert engine.books(order_id)["fall:SOL>USDC"] == pytest.approx(float(before["watermark"]) * 0.92)
    reprice(engine, "215")

    assert answer["trail_bps"] == 800
    assert before["watermark"] == after["watermark"]
    assert before["watermark"] > 230
    assert engine.statuses(order_id)[3:] == EXECUTED


def test_an_end_that_is_amended_comes_when_it_says_then(engine: Driven) -> None:
    order_id = engine.place(limit("230", expires_at_ms=clock.now_ms() + 600_000, time_in_force="gtd"))

    amend(engine, order_id, expires_in="0.3")
    engine.wait_until_ended(order_id)

    assert engine.statuses(order_id) == ["pending", "open", "open", "expired"]


def test_an_order_does_not_expire_at_the_time_that_it_had_before(engine: Driven) -> None:
    order_id = engine.place(limit("230", expires_at_ms=clock.now_ms() + 600_000, time_in_force="gtd"))
    before = engine.order(order_id).request.expires_at_ms or 0

    amend(engine, order_id, expires_in=3600)
    engine.now_ms = before + 1
    engine.work()

    assert engine.statuses(order_id) == ["pending", "open", "open"]


def test_one_leg_of_an_oco_is_amended_and_the_other_stays(engine: Driven) -> None:
    legs = (
        Trigger("take_profit", 500, price=Price(Decimal(260))),
        Trigger("stop_loss", 2000, price=Price(Decimal(200))),
    )
    order_id = engine.place(triggered_by(*legs))

    answer = amend(engine, order_id, take_profit={"trigger_price": "240"})

    assert engine.books(order_id) == {"rise:SOL>USDC": 240.0, "fall:SOL>USDC": 200.0}
    assert (answer["take_profit"]["trigger_price"], answer["stop_loss"]["trigger_price"]) == ("240", "200")
    reprice(engine, "190")
    assert engine.statuses(order_id)[3:] == EXECUTED


def test_what_is_left_of_an_order_in_parts_is_amended_and_cancelled(engine: Driven) -> None:
    order_id = engine.place(limit("219", 40_000 * SOL, allow_partial=True))
    filled = engine.order(order_id).amount_filled
    assert 0 < filled < 40_000 * SOL

    less = amend(engine, order_id, amount=39_000)
    answer = amend(engine, order_id, amount=1)

    assert (less["status"], less["amount"]) == ("open", "39000")
    assert (answer["status"], answer["amount"]) == ("cancelled", "39000")
    assert Decimal(answer["amount_filled"]) * SOL == engine.order(order_id).amount_filled >= filled
    assert delete(order_id).status == 200


def slices(engine: Driven, order_id: str) -> list[int]:
    ids = dict.fromkeys(event.child_id for event in engine.history(order_id) if event.child_id)
    return [engine.order(child_id).request.amount_in for child_id in ids]


def test_the_slices_that_are_left_take_what_an_amended_amount_leaves(engine: Driven) -> None:
    request = OrderRequest("SOL", "USDC", 8 * SOL, "twap", 500, schedule=Schedule(4, 1_600))
    order_id = engine.place(request)
    engine.advance(1)
    assert slices(engine, order_id) == [2 * SOL]

    amend(engine, order_id, amount="17")
    engine.advance(16)

    assert slices(engine, order_id) == [2 * SOL, 5 * SOL, 5 * SOL, 5 * SOL]
    assert engine.order(order_id).status is Status.CONFIRMED


def test_an_order_in_slices_that_is_cancelled_begins_no_further_one(engine: Driven) -> None:
    request = OrderRequest("SOL", "USDC", 8 * SOL, "twap", 500, schedule=Schedule(4, 1_600))
    order_id = engine.place(request)
    engine.advance(1)

    answer = delete(order_id)
    engine.advance(16)

    assert (answer.status, answer.document["amount_filled"]) == (200, "2")
    assert slices(engine, order_id) == [2 * SOL]


def test_an_order_in_slices_that_is_cancelled_during_one_ends_with_that(engine: Driven) -> None:
    request = OrderRequest("SOL", "USDC", 8 * SOL, "twap", 500, schedule=Schedule(4, 1_600))
    order_id = engine.place(request)
    while len(slices(engine, order_id)) < 2:
        engine.venue.produce_blocks([], beat=True)
        engine.work(without=("build_order",) if len(slices(engine, order_id)) else ())

    answer = delete(order_id)
    engine.advance(8)

    assert (answer.status, answer.document["cancel"]) == (202, "requested")
    order = engine.order(order_id)
    assert (order.status, order.amount_filled) == (Status.CANCELLED, 2 * SOL)
    assert engine.history(order_id)[-1].status is Status.CANCELLED


def test_an_order_that_rests_is_read_with_what_keeps_it_from_being_executed(engine: Driven) -> None:
    order_id = engine.place(limit("230"))

    resting = get(f"/api/orders/{order_id}").document["resting"]

    assert resting["minimum_out"] == str(5 * 230 * USDC)
    assert 1_000 * USDC < int(resting["would_yield"]) < 5 * 230 * USDC
    assert resting["why"].startswith("would yield 1")
    assert resting["distance_bps"] > 0
    assert 200 < resting["reference_price"] < 230
