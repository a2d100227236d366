"""Prints, line by line, what a suite does and what it sees: requests, upgrades, subscriptions, statuses, checks."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.text import Text

from local.client.api import Answer
from local.client.status_socket import Frame, Handshake
from tests.harness.acceptance.report import AcceptanceReport, Check, SuiteReport
from tests.harness.tables import table_of_figures
from tests.harness.timings import Timings

_LONGEST_BODY = 160
_STATUS_STYLES = {"confirmed": "green", "failed": "red"}


def shorten(text: str, longest: int = _LONGEST_BODY) -> str:
    """Return `text` on one line, its middle left out when it is longer than `longest` characters."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    half = longest // 2 - 4
    return f"{line[:half]} … {line[-half:]} ({len(text)} characters)"


def short_id(order_id: str) -> str:
    """Return enough of an order id to distinguish it on the screen; ids may begin alike."""
    return f"…{order_id[-8:]}"


class Narrator:
    """Writes to a rich console, which leaves colours out where there is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()

    def suite(self, name: str, purpose: str) -> None:
        """Begin a suite."""
        self._console.print()
        self._line(f"━━ {name} ━━ {purpose}", "bold cyan")

    def step(self, text: str) -> None:
        """Print what comes next and why."""
        self._line(f"\n  ▸ {text}", "bold")

    def remark(self, text: str) -> None:
        """Print a note."""
        self._line(f"    {text}", "dim")

    def request(self, method: str, path: str, body: bytes | None, answer: Answer) -> None:
        """Print a request and its answer."""
        sent = f" {shorten(body.decode(errors='backslashreplace'))}" if body is not None else ""
        self._line(f"    {method} {path}{sent}")
        received = shorten(answer.body.decode(errors="backslashreplace"))
        self._line(f"      ← {answer.status} {answer.phrase} in {answer.elapsed_ms:.1f} ms {received}", "dim")

    def upgrade(self, handshake: Handshake) -> None:
        """Print an upgrade request with the headers that were really sent, and its answer."""
        self._line(f"    GET {handshake.path} HTTP/1.1")
        for name, value in _of_the_upgrade(handshake.request_headers):
            self._line(f"      {name}: {value}", "dim")
        self._line(f"      ← {handshake.status} Switching Protocols")
        for name, value in _of_the_upgrade(handshake.response_headers):
            self._line(f"        {name}: {value}", "dim")

    def sent(self, text: str) -> None:
        """Print a frame that was sent over the socket."""
        self._line(f"    socket → {shorten(text)}")

    def registered(self, text: str) -> None:
        """Print the frame that registers a socket for an order's statuses."""
        self._line(f"    register → {text}")

    def received(self, frame: Frame, elapsed_ms: float) -> None:
        """Print a status frame, with the time since its order was posted."""
        content = frame.content
        notes = [f"#{content['sequence']}"] if "sequence" in content else []
        notes += [
            f"{label} {content[key]}"
            for key, label in (("execution_price", "price"), ("tx_hash", "tx"), ("reason", "because"))
            if content.get(key) is not None
        ]
        status = frame.status or shorten(str(content))
        style = _STATUS_STYLES.get(status, "")
        self._line(f"    socket ← {elapsed_ms:9.1f} ms  {status:<10} {' · '.join(notes)}", style)

    def course(self, order_id: str, steps: Iterable[tuple[str, float]]) -> None:
        """Print all statuses of one order on one line, each with the time since it was posted."""
        course = " · ".join(f"{status} {elapsed_ms:.0f}" for status, elapsed_ms in steps)
        self._line(f"    {short_id(order_id)}  {course} ms", "dim")

    def check(self, check: Check) -> None:
        """Print whether a claim held; where it did not, also what was expected and what was got."""
        verdict, style = ("PASS", "green") if check.holds else ("FAIL", "bold red")
        line = Text("    ")
        line.append(verdict, style)
        line.append(f"  {check.claim}")
        self._print(line)
        if not check.holds:
            self._line(f"          expected: {shorten(check.expected, 600)}", "red")
            self._line(f"          got:      {shorten(check.got, 600)}", "red")

    def suite_summary(self, report: SuiteReport) -> None:
        """End a suite with its count of checks and its times."""
        style = "green" if report.passed else "bold red"
        held = len(report.checks) - len(report.failures)
        self._line(f"\n  {report.name}: {held} of {len(report.checks)} checks held, {report.elapsed_s:.1f} s", style)
        self._times(report.timings())

    def summary(self, report: AcceptanceReport) -> None:
        """End the run with a line per suite, the times over all of them, and every failure once more."""
        self._console.print()
        table = table_of_figures("suite", "checks", "failed", "seconds", title=f"Acceptance of {report.base_url}")
        table.add_column("verdict")
        for suite in report.suites:
            table.add_row(
                suite.name,
                str(len(suite.checks)),
                str(len(suite.failures)),
                f"{suite.elapsed_s:.1f}",
                Text("PASS", "green") if suite.passed else Text("FAIL", "bold red"),
            )
        self._console.print(table)
        self._times(report.timings())
        for suite in report.suites:
            for missing in suite.left_out:
                self._line(f"LEFT OUT  {suite.name}: {missing}", "yellow")
        for failure in report.failures:
            self._line(f"FAIL  {failure}", "bold red")
        verdict, style = ("PASS", "bold green") if report.passed else ("FAIL", "bold red")
        self._line(
            f"\n{verdict}: {sum(len(suite.checks) for suite in report.suites)} checks, {len(report.failures)} failed",
            style,
        )

    def _times(self, timings: Mapping[str, Timings]) -> None:
        if not timings:
            return
        table = table_of_figures("milliseconds", "count", "minimum", "average", "maximum", box=None, padding=(0, 2))
        for label, timing in timings.items():
            table.add_row(
                label, str(timing.count), *(f"{ms:.1f}" for ms in (timing.minimum, timing.mean, timing.maximum))
            )
        self._console.print(table)

    def _line(self, text: str, style: str = "") -> None:
        self._print(Text(text, style))

    def _print(self, text: Text) -> None:
        # Lines go out as long as they are: a terminal wraps them, and a log keeps them whole.
        self._console.print(text, soft_wrap=True)


def _of_the_upgrade(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    wanted = ("host", "upgrade", "connection")
    return [
        (name, value)
        for name, value in headers.items()
        if name.lower() in wanted or name.lower().startswith("sec-websocket-")
    ]
