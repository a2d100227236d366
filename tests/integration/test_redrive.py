"""Dead letters in a person's hands, on a real Redis: redriven to the function that gave them up, or discarded."""

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis

from local.__main__ import main
from local.dead_letters import add_arguments
from local.dead_letters import run as run_command
from orderflow.adapters.codec import order_decoder
from orderflow.adapters.dead_letters import DeadLetters
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.streams import Streams
from orderflow.errors import NoReaderError, RejectedError
from orderflow.event_source import dead_letters
from orderflow.event_source.mapping import EventSourceMapping, partitions_of
from tests.support.event_sources import event_source
from tests.support.order_steps import NOW_MS, pending
from tests.support.redis_servers import PARTITIONS, entries_of
from tests.support.turns import read_new
from tests.support.waiting import eventually

WITHOUT_RICH = """
import runpy, sys
sys.modules["rich"] = None  # the event source's image has none
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""
InThread = Callable[[Callable[[threading.Event], None]], threading.Event]

ROUTE = EventSourceMapping(function="route_order", stream="route")
BLOCKS = EventSourceMapping(function="produce_block", stream="transactions", scope="chain", ordered=True)
PUBLISH = EventSourceMapping(function="publish_status", stream="status", ordered=True)
RECORD = EventSourceMapping(function="record_order", stream="status", ordered=True)


@pytest.fixture
def letters(client: redis.Redis) -> DeadLetters:
    return DeadLetters(client, partitions_of([ROUTE, BLOCKS], PARTITIONS))


def give_up(streams: Streams, stream: str, function: str) -> None:
    """Dead-letter all that waits on a stream, as after the last attempt."""
    streams.create_group(stream, function)
    entries = read_new(streams, stream, function)
    for entry in entries:
        streams.dead_letter(stream, function, entry, "boom")


def test_letters_are_listed_with_what_a_person_needs(orders: Orders, streams: Streams, letters: DeadLetters) -> None:
    accepted = [pending(), pending()]
    orders.apply([Transition(order) for order in accepted])

    give_up(streams, "route", "route_order")

    found = list(letters.all())
    assert [(each.partition, each.function, each.stream, each.error) for each in found] == [
        ("p0", "route_order", "route", "boom")
    ] * 2
    assert [each.order_id for each in found] == [order.order_id for order in accepted]
    assert [letters.find(each.name) for each in found] == found


def test_a_redriven_record_reaches_only_the_function_that_gave_it_up(
    client: redis.Redis, orders: Orders, streams: Streams, letters: DeadLetters, in_thread: InThread
) -> None:
    orders.apply([Transition(pending())])
    streams.create_group("status", "publish_status")
    give_up(streams, "status", "record_order")
    [letter] = letters.all()
    seen: list[tuple[str, dict[str, Any]]] = []

    def invoke(function: str, event: dict[str, Any]) -> None:
        seen.extend((function, record["data"]) for record in event["Records"])

    in_thread(event_source(client, [PUBLISH, RECORD], invoke, partitions=PARTITIONS).run)
    eventually(lambda: len(seen) == 1)
    letters.redrive(letter)

    eventually(lambda: len(seen) == 2)
    eventually(lambda: client.xlen("{p0}:status") == 0)
    (published, as_it_was), (recorded, again) = seen
    assert (published, recorded) == ("publish_status", "record_order")
    assert again == as_it_was | {"function": "record_order"}
    assert list(letters.all()) == []


@pytest.mark.parametrize(("function", "stream"), [("former_function", "status"), ("record_order", "former_stream")])
def test_a_letter_stays_whose_function_reads_its_stream_no_longer(
    client: redis.Redis, streams: Streams, letters: DeadLetters, function: str, stream: str
) -> None:
    streams.create_group("status", "record_order")
    client.xadd("{p0}:dead", {"function": function, "stream": stream, "attempts": 4, "error": "boom", "order": "{}"})
    [letter] = letters.all()

    with pytest.raises(NoReaderError, match=f"{function} does not read {stream} here"):
        letters.redrive(letter)

    assert list(letters.all()) == [letter]
    assert client.xlen("{p0}:status") == client.exists("{p0}:former_stream") == 0
    letters.discard(letter)
    assert list(letters.all()) == []


def test_a_letter_whose_order_has_ended_is_not_redriven(
    client: redis.Redis, orders: Orders, streams: Streams, letters: DeadLetters
) -> None:
    order = pending()
    orders.apply([Transition(order), Transition(order.fail("boom", NOW_MS))])
    give_up(streams, "route", "route_order")
    [letter] = letters.all()

    with pytest.raises(RejectedError, match="has failed"):
        letters.redrive(letter)

    assert list(letters.all()) == [letter]
    assert client.xlen("{p0}:route") == 0


def test_a_letter_is_redriven_once_however_often_it_is_asked_for(
    client: redis.Redis, orders: Orders, streams: Streams, letters: DeadLetters
) -> None:
    orders.apply([Transition(pending())])
    give_up(streams, "route", "route_order")
    [letter] = letters.all()

    letters.redrive(letter)
    with pytest.raises(RejectedError, match="not there any more"):
        letters.redrive(letter)

    [(_, fields)] = entries_of(client, "{p0}:route")
    assert fields == {"order": letter.fields["order"], "function": "route_order"}


def test_an_order_that_is_redriven_keeps_its_account(orders: Orders, streams: Streams, letters: DeadLetters) -> None:
    order = msgspec.structs.replace(pending(), account="desk-1")
    orders.apply([Transition(order)])
    give_up(streams, "route", "route_order")
    [letter] = letters.all()

    letters.redrive(letter)

    [entry] = read_new(streams, "route", "route_order")
    assert order_decoder.decode(entry.data["order"]) == order
    assert orders.find(order.order_id, "desk-1") is not None
    assert orders.find(order.order_id, "local") is None


@pytest.mark.parametrize("name", ["p0/1-1", "p0/x", "p9/1-1", "", "p0/"])
def test_a_letter_that_is_not_there_is_said_to_be_so(letters: DeadLetters, name: str) -> None:
    with pytest.raises(RejectedError, match="there is no dead letter"):
        letters.find(name)


class CommandLine:
    """`python -m local dead-letters`, on the Redis of the tests."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        status = run_command(parser.parse_args(words))
        return status, self._capsys.readouterr().out


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, redis_url: str, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("PARTITIONS", str(PARTITIONS))
    return CommandLine(capsys)


def test_the_command_lists_shows_redrives_and_discards(
    client: redis.Redis, orders: Orders, streams: Streams, letters: DeadLetters, command: CommandLine
) -> None:
    accepted = [pending(), pending()]
    orders.apply([Transition(order) for order in accepted])
    give_up(streams, "route", "route_order")
    first, second = letters.all()

    listed = command()
    shown = command("show", first.name)
    redriven = command("redrive", first.name)
    discarded = command("discard", "--all")

    assert listed[0] == shown[0] == redriven[0] == discarded[0] == 0
    assert first.name in listed[1]
    assert second.order_id is not None
    assert second.order_id in listed[1]
    assert json.loads(shown[1])["order"]["status"] == "pending"
    assert second.name in discarded[1]
    assert client.xlen("{p0}:route") == 1
    assert command() == (0, "There are no dead letters.\n")


def test_the_command_says_what_it_could_not_do(command: CommandLine) -> None:
    assert command("redrive", "p0/1-1") == (1, "there is no dead letter p0/1-1\n")
    assert command("discard")[0] == 2


def test_the_command_needs_no_more_than_the_event_source_has(
    client: redis.Redis, streams: Streams, orders: Orders, redis_url: str
) -> None:
    orders.apply([Transition(pending())])
    give_up(streams, "route", "route_order")
    client.xadd("{chain}:dead", {"function": "produce_block", "stream": "transactions", "attempts": 4, "error": "boom"})
    bindings = [
        {"function": "route_order", "lambda": "route", "stream": "route"},
        {"function": "produce_block", "lambda": "block", "stream": "transactions", "scope": "chain"},
    ]

    listed = subprocess.run(
        [sys.executable, "-c", WITHOUT_RICH, "orderflow.event_source.dead_letters", "list"],
        env={"REDIS_URL": redis_url, "PARTITIONS": str(PARTITIONS), "EVENT_SOURCES": json.dumps(bindings)},
        capture_output=True,
        encoding="utf-8",
    )

    assert listed.returncode == 0, listed.stderr
    assert [line.partition("/")[0] for line in listed.stdout.splitlines()[::2]] == ["chain", "p0"]


def test_the_command_needs_to_know_the_partitions(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.delenv("EVENT_SOURCES", raising=False)

    assert dead_letters.main(["list"]) == 1
    assert "EVENT_SOURCES is not set" in capsys.readouterr().err


def test_the_command_says_when_there_is_no_redis(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setattr("sys.argv", ["local", "dead-letters"])

    status = main()

    said = capsys.readouterr().err
    assert status == 1
    assert "Redis does not answer" in said
    assert "secret" not in said


def test_the_command_says_when_the_url_of_redis_is_none_and_does_not_repeat_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:se/cret@127.0.0.1:1/0")
    monkeypatch.setattr("sys.argv", ["local", "dead-letters"])

    status = main()

    said = capsys.readouterr().err
    assert status == 1
    assert said.startswith("REDIS_URL is not a URL that can be used")
    assert "cret" not in said
