"""publish_reports: followers are answered, get each report that says something new, and keep the market's clock."""

import json
import logging
from typing import Any

import pytest
import redis

from functions.publish_reports import handler
from functions.publish_reports.engine import MOST_STREAMS, OF_MARKET, OF_ORDERS
from functions.publish_reports.handler import UNCHANGED_MS, lambda_handler
from orderflow.adapters.reports import ENGINE, MARKET, PastPrice, Report
from orderflow.domain.tally import Tally, bucket_of
from orderflow.errors import RejectedError, RetryableError
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import NOW_MS, read_event, report_records
from tests.support.fakes.outside import Outside
from tests.support.launches import make_launch

NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}
SUBSCRIBED = {"channel": "market", "subscribed": True}


def frames(outside: Outside, connection_id: str = "one=") -> list[dict[str, Any]]:
    """Return the frames that a connection was sent since this was last asked."""
    sent, outside.sockets.sent = outside.sockets.sent, []
    return [json.loads(message.text) for message in sent if message.connection_id == connection_id]


def report(outside: Outside, channel: str = MARKET) -> None:
    assert lambda_handler(report_records(channel), None) == NOTHING_FAILED


def slots_pass(outside: Outside, slots: int = 1) -> None:
    venue: Any = outside.venue
    venue.advance(slots, lambda: True)


@pytest.fixture
def outside(outside: Outside) -> Outside:
    outside.latency = Latency(seed=1, speed=0)
    outside.orders.partitions = 3
    return outside


def test_nobody_who_follows_nothing_to_do(outside: Outside) -> None:
    outside.chain.error = redis.ConnectionError("not to be asked")

    assert lambda_handler(read_event("publish_reports"), None) == NOTHING_FAILED
    assert outside.reports.begun == [MARKET, ENGINE]
    assert outside.sockets.sent == []
    assert outside.reports.latest == {}


def test_a_new_follower_is_answered_and_gets_the_whole_market(outside: Outside) -> None:
    outside.reports.followers[MARKET] = {"one=": 0}
    slots_pass(outside, 3)

    report(outside)

    answer, first = frames(outside)
    assert answer == SUBSCRIBED
    assert (first["channel"], first["sequence"]) == ("market", 1)
    market = first["market"]
    assert (market["slot"], market["at"], market["launches"]) == (3, "2026-11-22T18:14:01.123Z", [])
    assert [view["pair"] for view in market["pairs"]] == [view.pair for view in outside.venue.market().pairs]
    [sol] = [view for view in market["pairs"] if view["pair"] == "SOL/USDC"]
    assert (sol["token_in"], sol["token_out"]) == ("SOL", "USDC")
    assert float(sol["reference"]) == pytest.approx(outside.venue.prices().prices["SOL>USDC"].reference)
    assert set(sol["venues"]) == {"raydium", "meteora"}
    assert outside.reports.followers[MARKET] == {"one=": NOW_MS}


def test_what_has_not_changed_is_sent_to_new_followers_only_until_all_are_to_see_that_it_comes(
    outside: Outside,
) -> None:
    outside.reports.followers[MARKET] = {"one=": 0}
    report(outside)
    first = frames(outside)[1]

    outside.reports.now_ms += UNCHANGED_MS[MARKET] - 1
    report(outside)
    assert frames(outside) == []

    outside.reports.followers[MARKET]["two="] = 0
    report(outside)
    sent = {message.connection_id for message in outside.sockets.sent}
    assert frames(outside, "two=") == [SUBSCRIBED, first]
    assert sent == {"two="}

    outside.reports.now_ms += 1
    report(outside)
    [again] = frames(outside)
    assert again["sequence"] == first["sequence"] + 1
    assert again["market"] == first["market"] | {"at": again["market"]["at"]}


def test_each_slot_is_a_report_and_its_prices_are_kept(outside: Outside) -> None:
    outside.reports.followers[MARKET] = {"one=": NOW_MS}
    seen = []
    for _ in range(2):
        report(outside)
        seen += frames(outside)
        slots_pass(outside)

    assert [frame["market"]["slot"] for frame in seen] == [0, 1]
    prices = outside.reports.past_prices("SOL/USDC", 10)
    views = [view for frame in seen for view in frame["market"]["pairs"] if view["pair"] == "SOL/USDC"]
    assert prices == [PastPrice(slot, NOW_MS, view["reference"], view["venues"]) for slot, view in enumerate(views)]


def test_a_report_that_is_not_due_makes_nothing_but_new_followers_get_the_latest(outside: Outside) -> None:
    outside.reports.followers[MARKET] = {"one=": NOW_MS, "two=": 0}
    outside.reports.is_due = False
    outside.chain.error = redis.ConnectionError("not to be asked")

    report(outside)
    before = list(outside.sockets.sent)
    outside.reports.latest[MARKET] = Report(7, NOW_MS, '{"slot":1}')
    outside.reports.followers[MARKET]["two="] = 0
    report(outside)

    assert [json.loads(message.text) for message in before] == [SUBSCRIBED]
    assert frames(outside, "two=")[-1]["sequence"] == 7
    assert frames(outside) == []


def test_the_market_s_time_is_asked_for_at_first_and_whenever_it_has_stood(outside: Outside) -> None:
    outside.reports.followers[MARKET] = {"one=": NOW_MS}

    report(outside)
    assert outside.chain.clock.demands == 1
    slots_pass(outside)
    report(outside)
    assert outside.chain.clock.demands == 1
    outside.chain.clock.runs = False
    report(outside)

    assert outside.chain.clock.demands == 2
    assert outside.chain.clock.runs


def test_the_engine_does_not_ask_for_the_market_s_time(outside: Outside) -> None:
    outside.reports.followers[ENGINE] = {"one=": NOW_MS}

    report(outside, ENGINE)

    assert outside.chain.clock.demands == 0


def test_who_is_gone_follows_no_longer(outside: Outside) -> None:
    outside.reports.followers[MARKET] = {"one=": 0, "two=": 0, "three=": NOW_MS}
    outside.sockets.closed = {"two=", "three="}

    report(outside)

    assert outside.reports.followers[MARKET] == {"one=": NOW_MS}


def test_a_channel_that_a_batch_asks_for_twice_is_reported_once(outside: Outside) -> None:
    outside.reports.followers[MARKET] = {"one=": NOW_MS}

    lambda_handler(report_records(MARKET, MARKET, ENGINE, MARKET), None)

    assert outside.reports.begun == [MARKET, ENGINE]
    assert len(frames(outside)) == 1


@pytest.mark.parametrize("error", [RetryableError("@connections can't be reached"), RejectedError("too long")])
def test_what_can_not_be_sent_is_dropped_with_a_line_and_comes_again_later(
    outside: Outside, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    outside.reports.followers = {MARKET: {"one=": 0}, ENGINE: {"one=": 0}}
    outside.sockets.error = error

    with caplog.at_level(logging.WARNING):
        response = lambda_handler(report_records(MARKET, ENGINE), None)

    assert response == NOTHING_FAILED
    dropped = [record for record in caplog.records if record.message == "record dropped"]
    assert len(dropped) == 2
    assert outside.reports.delayed == [MARKET, ENGINE]
    assert outside.reports.followers[MARKET] == {"one=": 0}


def test_a_fault_of_one_report_does_not_keep_the_other(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    outside.reports.followers = {MARKET: {"one=": NOW_MS}, ENGINE: {"one=": NOW_MS}}

    def fail(_begun: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(handler, "MAKERS", {**handler.MAKERS, MARKET: fail})

    assert lambda_handler(report_records(MARKET, ENGINE), None) == NOTHING_FAILED
    assert [frame["channel"] for frame in frames(outside)] == ["engine"]
    assert outside.reports.delayed == [MARKET]


@pytest.mark.parametrize("order", ['{"report":"weather"}', "{", "[]"])
def test_a_message_that_asks_for_nothing_known_is_dropped(outside: Outside, order: str) -> None:
    outside.reports.followers[MARKET] = {"one=": NOW_MS}
    event = report_records(MARKET)
    event["Records"].insert(0, event["Records"][0] | {"messageId": "7-7", "data": {"order": order}})

    assert lambda_handler(event, None) == NOTHING_FAILED
    assert len(frames(outside)) == 1


def test_a_batch_waits_while_redis_is_unavailable(outside: Outside) -> None:
    outside.reports.error = redis.ConnectionError("refused")

    with pytest.raises(RetryableError, match="Redis can't be reached"):
        lambda_handler(report_records(MARKET), None)


def engine(outside: Outside) -> dict[str, Any]:
    outside.reports.followers[ENGINE] = {"one=": NOW_MS}
    report(outside, ENGINE)
    [frame] = frames(outside)
    assert (frame["channel"], frame["sequence"]) == ("engine", outside.reports.latest[ENGINE].sequence)
    shown: dict[str, Any] = frame["engine"]
    return shown


def test_the_engine_is_reported_each_time_also_where_nothing_changed(outside: Outside) -> None:
    assert engine(outside) == engine(outside)


def test_an_engine_that_rests_says_so(outside: Outside) -> None:
    partitions = [f"p{number}" for number in range(outside.orders.partitions)]

    shown = engine(outside)

    streams = [*((stream, p) for p in partitions for stream in OF_ORDERS), *((each, "chain") for each in OF_MARKET)]
    assert shown.pop("streams") == [
        {"stream": stream, "partition": partition, "entries": 0, "age_ms": 7} for stream, partition in streams
    ]
    assert shown == {
        "at": "2026-11-22T18:14:01.123Z",
        "orders_per_second": {"placed": "0.0", "ended": "0.0"},
        "latency_ms": {"p50": None, "p90": None, "p99": None, "count": 0},
        "in_flight": dict.fromkeys(("route", "open", "build", "submit", "confirm", "snipe", "transactions"), 0),
        "resting": 2 * (len(partitions) + 1),
        "sockets": 3,
        "retries": 0,
        "dead_letters": len(partitions) + 1,
        "stores": {"redis": "ok", "postgres": "ok"},
        "slot": 0,
        "event_sources": [
            {"name": "one", "partitions": [*partitions, "chain"]},
            {"name": "two", "partitions": []},
        ],
    }


def test_rates_are_of_the_last_five_whole_seconds_and_latencies_of_the_last_sixty(outside: Outside) -> None:
    second = NOW_MS // 1000
    outside.tallies.add({second: Tally(placed=1_000, ended=1_000)})
    outside.tallies.add({second - back: Tally(placed=10, ended=7, retries=1) for back in range(1, 71)})
    outside.tallies.add({second - 60: Tally(latencies={bucket_of(100): 98, bucket_of(2_000): 2})})
    outside.tallies.add({second - 61: Tally(latencies={bucket_of(9_000): 900})})

    shown = engine(outside)

    assert shown["orders_per_second"] == {"placed": "10.0", "ended": "7.0"}
    assert shown["retries"] == 60
    assert shown["latency_ms"]["count"] == 100
    assert float(shown["latency_ms"]["p50"]) == pytest.approx(100, rel=0.025)
    assert float(shown["latency_ms"]["p90"]) == pytest.approx(100, rel=0.025)
    assert float(shown["latency_ms"]["p99"]) == pytest.approx(2_000, rel=0.025)


def test_what_is_in_flight_waits_at_a_stage_or_for_its_time(outside: Outside) -> None:
    outside.engine_state.entries = {("p0", "route"): 3, ("p1", "route"): 1, ("chain", "transactions"): 5}
    outside.engine_state.timers = {"p0": {"confirm": 4, "status": 9}, "chain": {"transactions": 2}, "p1": {"": 30}}

    shown = engine(outside)["in_flight"]

    assert {stream: count for stream, count in shown.items() if count} == {
        "route": 4,
        "confirm": 4,
        "transactions": 7,
        "others": 30,
    }


def test_a_partition_that_can_not_be_reached_is_left_out_and_redis_said_to_be_unavailable(outside: Outside) -> None:
    outside.engine_state.unavailable = {"p1"}

    shown = engine(outside)

    assert shown["stores"] == {"redis": "unavailable", "postgres": "ok"}
    assert {each["partition"] for each in shown["streams"]} == {"p0", "p2", "chain"}


def test_a_postgres_that_is_unavailable_is_said_to_be(outside: Outside) -> None:
    outside.ledger.error = RetryableError("Postgres can't be reached")

    assert engine(outside)["stores"] == {"redis": "ok", "postgres": "unavailable"}


def test_how_many_sockets_are_open_is_left_out_where_it_is_not_to_be_had(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable() -> int:
        raise RetryableError("@connections can't be reached")

    monkeypatch.setattr(outside.sockets, "count", unavailable)

    assert engine(outside)["sockets"] is None


def test_with_many_partitions_the_streams_that_are_furthest_behind_are_shown(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.orders.partitions = 64
    outside.reports.followers[ENGINE] = {"one=": NOW_MS}
    look = outside.engine_state.look

    def slower(partition: str, streams: Any, now_ms: int) -> Any:
        state = look(partition, streams, now_ms)
        if partition != "p63":
            return state
        behind = [each._replace(entries=1, age_ms=123_456) for each in state.lag.streams]
        return state._replace(lag=state.lag._replace(streams=behind))

    monkeypatch.setattr(outside.engine_state, "look", slower)

    report(outside, ENGINE)

    [sent] = outside.sockets.sent
    shown = json.loads(sent.text)["engine"]["streams"]
    assert len(shown) == MOST_STREAMS
    assert [each["partition"] for each in shown[: len(OF_ORDERS)]] == ["p63"] * len(OF_ORDERS)
    assert len(sent.text.encode()) < 32_000


def test_a_report_fits_into_a_frame_that_any_client_takes_with_all_launches(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.reports.followers[MARKET] = {"one=": NOW_MS}
    monkeypatch.setattr(MockVenue, "launches", lambda _self, *, past=0: [make_launch()] * 50)

    report(outside)

    [sent] = outside.sockets.sent
    shown = json.loads(sent.text)["market"]["launches"]
    assert len(shown) == 20
    assert (shown[0]["status"], shown[0]["liquidity"]) == ("announced", "10000000000")
    assert len(sent.text.encode()) < 32_000


def test_messages_have_no_place_among_those_of_orders(outside: Outside) -> None:
    outside.reports.followers[MARKET] = {"one=": 0}

    report(outside)

    places = {(message.order_id, message.sequence, message.subscription) for message in outside.sockets.sent}
    assert places == {(MARKET, 0, "")}
