"""What a bench run came to, as an object for machines and as tables for people."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.harness.bench import processor_time
from tests.harness.bench.bottleneck import Pace
from tests.harness.bench.load import Load
from tests.harness.tables import table_of_figures
from tests.harness.timings import Timings


@dataclass(frozen=True, slots=True)
class BenchResult:
    """One run. Times in milliseconds, processor time in microseconds an order.

    `timers_late_ms` is what at most 1 % of the timers were later than; None where there were none, or that many were
    later than anything that is looked for.
    """

    url: str
    speed: float | None
    load: Load
    accepted: int
    refused: dict[str, int]
    accepted_per_s: float
    end_to_end_per_s: float
    post_to_202_ms: Timings
    post_to_confirmed_ms: Timings
    confirmed: int
    failed: int
    never_ended: int
    statuses_delivered: int
    statuses_expected: int
    ledger_orders: int
    pace: Pace | None = None
    warm_up: str = ""
    sent_late_ms: Timings = field(default_factory=Timings)
    beyond_simulated_ms: Timings = field(default_factory=Timings)
    timers_late_ms: float | None = None
    most_in_flight: int = 0
    processor_us_per_order: dict[str, float] = field(default_factory=dict)
    unloaded_ms: Timings = field(default_factory=Timings)
    unloaded_post_ms: Timings = field(default_factory=Timings)

    @property
    def system_us_per_order(self) -> float:
        """The processor time of an order over every process of the system, the bench's own left out."""
        return sum(used for kind, used in self.processor_us_per_order.items() if kind != processor_time.OWN)

    @property
    def clean(self) -> bool:
        """Whether every order was accepted, ended and is in the ledger exactly once, with every status delivered."""
        return (
            not self.refused
            and not self.never_ended
            and self.ledger_orders == self.accepted
            and self.statuses_delivered == self.statuses_expected
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values to three decimals, the sum over the processes and the verdict included."""
        document = dataclasses.asdict(self)
        document["pace"] = self.pace.to_dict() if self.pace else None
        document |= {"system_us_per_order": self.system_us_per_order, "clean": self.clean}
        return {key: _rounded(value) for key, value in document.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def show(result: BenchResult, console: Console) -> None:
    """Print the result for a person."""
    at_speed = "" if result.speed is None else f", SPEED={result.speed:g}"
    console.print(f"\n{_what_was_sent(result)}, {result.url}{at_speed}", highlight=False, soft_wrap=True)
    for line in (result.warm_up, result.pace):
        if line:
            console.print(str(line), markup=False, highlight=False, soft_wrap=True)
    if result.load.clients:
        console.print(_counts(result))
    console.print(_latencies(result))
    if result.processor_us_per_order:
        console.print(_processor_time(result))
    for refusal, count in result.refused.items():
        console.print(f"refused {count} times: {refusal}", style="red", markup=False)


def _what_was_sent(result: BenchResult) -> str:
    load = result.load
    how = "no sockets"
    if load.sockets:
        how = "a socket each" if load.orders_per_socket is None else f"a socket for {load.orders_per_socket} orders"
    due = "" if load.rate is None else f", {load.rate:g} due a second"
    return f"{result.accepted:,} orders ({load.mix}) by {load.clients} clients{due}, {how}"


def _counts(result: BenchResult) -> Table:
    table = table_of_figures("throughput and delivery", "")
    table.add_row("accepted orders per second", f"{result.accepted_per_s:,.0f}")
    table.add_row("end-to-end orders per second", f"{result.end_to_end_per_s:,.0f}")
    table.add_row("confirmed", f"{result.confirmed:,}")
    table.add_row("failed", f"{result.failed:,}")
    table.add_row("never ended", f"{result.never_ended:,}")
    table.add_row("most in flight at once", f"{result.most_in_flight:,}")
    where = "delivered on sockets" if result.load.sockets else "in the ledger"
    table.add_row(f"statuses in order, {where}", f"{result.statuses_delivered:,} of {result.statuses_expected:,}")
    table.add_row("orders in the ledger, of those accepted", f"{result.ledger_orders:,} of {result.accepted:,}")
    table.add_row("every order exactly once, with every status", "yes" if result.clean else "[bold red]NO[/]")
    return table


def _latencies(result: BenchResult) -> Table:
    table = table_of_figures("milliseconds", "p50", "p95", "p99", "maximum")
    since = "POST" if result.load.rate is None else "due"
    by = "" if result.load.sockets else " (by the ledger)"
    rows = (
        (f"{since} → 202", result.post_to_202_ms),
        (f"{since} → confirmed{by}", result.post_to_confirmed_ms),
        ("beyond the simulated time", result.beyond_simulated_ms),
        ("due → sent, the bench's part", result.sent_late_ms if result.load.rate else Timings()),
        ("POST → 202, unloaded", result.unloaded_post_ms),
        ("POST → confirmed, unloaded", result.unloaded_ms),
    )
    for label, timings in rows:
        if timings.count:
            table.add_row(label, *(f"{ms:,.1f}" for ms in (timings.p50, timings.p95, timings.p99, timings.maximum)))
    if result.timers_late_ms is not None:
        table.add_row("timers late, at most", "", "", f"{result.timers_late_ms:,.0f}", "")
    return table


def _processor_time(result: BenchResult) -> Table:
    table = table_of_figures("processor time", "µs an order")
    for kind, used_us in result.processor_us_per_order.items():
        if kind != processor_time.OWN:
            table.add_row(kind, f"{used_us:,.0f}")
    table.add_section()
    table.add_row("the system", f"{result.system_us_per_order:,.0f}")
    table.add_row("the bench itself", f"{result.processor_us_per_order[processor_time.OWN]:,.0f}")
    return table
