"""What is printed of a suite as it runs, and the sum of it."""

from io import StringIO

from rich.console import Console

from local.client.api import Answer
from local.client.status_socket import Frame, Handshake
from tests.harness.acceptance.narrator import Narrator, shorten
from tests.harness.acceptance.report import AcceptanceReport, Check, SuiteReport


def make_narrator() -> tuple[Narrator, StringIO]:
    written = StringIO()
    return Narrator(Console(file=written, width=100, color_system=None)), written


def make_report(*checks: Check) -> SuiteReport:
    report = SuiteReport("lifecycle", list(checks))
    report.durations_ms["POST → confirmed"] += [10.0, 20.0, 60.0]
    return report


HELD = Check("five statuses", "5", "5", holds=True)
BROKEN = Check("the price holds", "200 to 240", "7", holds=False)


def test_a_request_is_printed_with_its_answer() -> None:
    narrator, written = make_narrator()

    narrator.request("POST", "/api/orders", b'{"a":1}', Answer(202, "Accepted", {}, b'{"b":2}', 0.0, 3.21))

    assert written.getvalue() == '    POST /api/orders {"a":1}\n      ← 202 Accepted in 3.2 ms {"b":2}\n'


def test_brackets_in_a_body_are_not_taken_for_styles() -> None:
    narrator, written = make_narrator()

    narrator.request("POST", "/x", b"[bold]", Answer(400, "Bad Request", {}, b"[/]", 0.0, 1))

    assert "[bold]" in written.getvalue()
    assert "[/]" in written.getvalue()


def test_an_upgrade_is_printed_with_the_key_that_was_sent() -> None:
    narrator, written = make_narrator()
    handshake = Handshake(
        "/api/orders/status",
        {"Host": "h", "Upgrade": "websocket", "Sec-WebSocket-Key": "abc==", "User-Agent": "us"},
        101,
        {"Sec-WebSocket-Accept": "xyz=", "Server": "them"},
    )

    narrator.upgrade(handshake)

    assert "Sec-WebSocket-Key: abc==" in written.getvalue()
    assert "Sec-WebSocket-Accept: xyz=" in written.getvalue()
    assert "User-Agent" not in written.getvalue()


def test_a_status_is_printed_with_its_milliseconds() -> None:
    narrator, written = make_narrator()
    content = {"status": "confirmed", "sequence": 5, "execution_price": 219.5, "tx_hash": "0xabc", "reason": None}

    narrator.received(Frame(content, 0.0), 2168.34)

    assert written.getvalue() == "    socket ←    2168.3 ms  confirmed  #5 · price 219.5 · tx 0xabc\n"


def test_a_failed_check_says_what_was_expected_and_what_came() -> None:
    narrator, written = make_narrator()

    narrator.check(BROKEN)

    assert written.getvalue().split("\n")[:3] == [
        "    FAIL  the price holds",
        "          expected: 200 to 240",
        "          got:      7",
    ]


def test_the_summary_has_minimum_average_and_maximum_and_repeats_failures() -> None:
    narrator, written = make_narrator()

    narrator.summary(AcceptanceReport("http://there", [make_report(HELD, BROKEN)]))

    lines = written.getvalue().splitlines()
    assert any(line.split() == ["POST", "→", "confirmed", "3", "10.0", "30.0", "60.0"] for line in lines)
    assert "FAIL  lifecycle: the price holds: expected 200 to 240, got 7" in lines
    assert lines[-1] == "FAIL: 2 checks, 1 failed"


def test_the_summary_repeats_what_was_left_out_and_what_that_needs() -> None:
    narrator, written = make_narrator()
    report = make_report(HELD)
    report.left_out.append("limits: needs more keys than one")

    narrator.summary(AcceptanceReport("http://there", [report]))

    assert "LEFT OUT  lifecycle: limits: needs more keys than one\n" in written.getvalue()
    assert report.passed


def test_of_a_long_body_both_ends_are_printed() -> None:
    line = shorten("a" * 100 + "b" * 100, longest=40)

    assert line == "a" * 16 + " … " + "b" * 16 + " (200 characters)"


def test_a_suite_passes_only_when_something_was_checked_and_held() -> None:
    assert make_report(HELD).passed
    assert not make_report(HELD, BROKEN).passed
    assert not make_report().passed
    assert not AcceptanceReport("http://there").passed


def test_durations_of_several_suites_are_summed_up_together() -> None:
    report = AcceptanceReport("http://there", [make_report(HELD), make_report(HELD)])

    assert report.timings()["POST → confirmed"].count == 6
