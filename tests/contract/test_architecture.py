"""The pictures in docs/architecture.md against what they show: the template, the statuses, the import contract."""

import re
from pathlib import Path

from local.template import read_template
from orderflow.domain.lifecycle import LIFECYCLE, RESTING, SLICE_ENDED, TERMINAL
from orderflow.domain.status import Status
from tests.support.lifecycle import TICKS
from tests.support.mermaid import Arrow, flow_arrows, participants, pictures, state_arrows

ROOT = Path(__file__).parents[2]
FUNCTIONS = read_template(ROOT / "template.yaml").functions
PICTURES = pictures(ROOT / "docs/architecture.md")
AT_ANY_TIME = {Status.FAILED, Status.CANCELLED, Status.EXPIRED}
FUNCTION_NAME = re.compile(r"[a-z]+(_[a-z]+)+")


def test_the_pipelines_have_every_function_with_the_streams_that_it_reads_and_writes() -> None:
    arrows = flow_arrows(PICTURES["The pipeline"]) | flow_arrows(PICTURES["Orders that wait"])

    written = {(function.name, stream) for function in FUNCTIONS for stream in function.produces}
    read = {(function.event_source.stream, function.name) for function in FUNCTIONS if function.event_source}
    streams = {stream for stream, _ in read}
    assert {(start, end) for start, end, _ in arrows if end in streams} == written
    assert {(start, end) for start, end, _ in arrows if start in streams} == read
    shown = {name for start, end, _ in arrows for name in (start, end)} - streams
    assert {name for name in shown if FUNCTION_NAME.fullmatch(name)} == {function.name for function in FUNCTIONS}


def test_a_client_comes_in_at_the_functions_behind_an_api_and_at_no_other() -> None:
    arrows = flow_arrows(PICTURES["The pipeline"])

    behind = {function.name for function in FUNCTIONS if function.http_routes or function.websocket_routes}
    assert {end for start, end, _ in arrows if start == "client"} == behind


def test_an_order_s_life_is_the_table_of_the_domain() -> None:
    arrows = state_arrows(PICTURES["One order's life"]) | state_arrows(PICTURES["The life of an order that waits"])

    steps = {(start, end) for start, end, _ in arrows if "[*]" not in (start, end)}
    table = {(status, follower) for status, row in LIFECYCLE.items() for follower in row.followers}
    # Instead of arrows from everywhere, the text says that an order may end so whatever its status is.
    at_any_time = {(status, end) for status in set(Status) - TERMINAL for end in AT_ANY_TIME}
    assert (steps | at_any_time, steps & at_any_time) == (table, set())
    assert {end for start, end, _ in arrows if start == "[*]"} == {Status.PENDING}
    assert {start for start, end, _ in arrows if end == "[*]"} == TERMINAL - AT_ANY_TIME


def test_each_step_is_made_by_the_function_at_the_last_stream_of_the_status() -> None:
    arrows = state_arrows(PICTURES["One order's life"]) | state_arrows(PICTURES["The life of an order that waits"])
    at_stream = {function.event_source.stream: function.name for function in FUNCTIONS if function.event_source}

    labelled = [(start, label) for start, _, label in arrows if start != "[*]" and label]
    made = {(start, function) for start, label in labelled for function in label.split(", ")}
    wanted = {(status, stream) for status, row in LIFECYCLE.items() for stream in (*row.streams[-1:], row.waiting)}
    wanted |= {(status, stream) for status in RESTING for stream in (TICKS, SLICE_ENDED)}
    assert made == {(status, at_stream[stream]) for status, stream in wanted if stream}
    assert {arrow.end for arrow in arrows if arrow.label} == set(Status) - AT_ANY_TIME


def test_the_way_of_one_order_passes_every_function_that_takes_it_on() -> None:
    shown = {name for name in participants(PICTURES["One order, message by message"]) if FUNCTION_NAME.fullmatch(name)}

    steps = {arrow.label for arrow in state_arrows(PICTURES["One order's life"]) if arrow.label}
    assert shown - steps == {"produce_block", "publish_status"}
    assert steps <= shown


def test_imports_run_as_the_contract_has_them() -> None:
    contract = (ROOT / ".importlinter").read_text(encoding="utf-8")
    [layers] = re.findall(r"^layers =\n((?: +\S.*\n)+)", contract, re.M)
    height = {
        module.strip().removeprefix("orderflow."): -depth
        for depth, layer in enumerate(layers.splitlines())
        for module in layer.split("|")
    }

    arrows = flow_arrows(PICTURES["Which way imports run"])

    assert {name for start, end, _ in arrows for name in (start, end)} == height.keys()
    assert {arrow for arrow in arrows if height[arrow.start] <= height[arrow.end]} == set()


def test_arrows_are_read_with_labels_groups_and_shapes() -> None:
    picture = 'a([who]) -- "asks" --> b --> c[/stream/]\n    c & b --> d[(store)]\n    ef["e, f"] --> a & b\n'

    assert flow_arrows(picture) == {
        Arrow("a", "b", "asks"),
        Arrow("b", "c"),
        Arrow("c", "d"),
        Arrow("b", "d"),
        Arrow("e", "a"),
        Arrow("e", "b"),
        Arrow("f", "a"),
        Arrow("f", "b"),
    }
