"""What a bench run came to, as an object for machines and as tables for people."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.harness.bench import processor_time
from tests.harness.tables import table_of_figures
from tests.harness.timings import Timings


@dataclass(frozen=True, slots=True)
class BenchResult:
    """One run. Times in milliseconds, processor time in microseconds an order."""

    url: str
    speed: float | None
    orders: int
    concurrency: int
    sockets: bool
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
    processor_us_per_order: dict[str, float] = field(default_factory=dict)
    unloaded_ms: Timings = field(default_factory=Timings)

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
        document |= {"system_us_per_order": self.system_us_per_order, "clean": self.clean}
        return {key: _rounded(value) for key, value in document.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def show(result: BenchResult, console: Console) -> None:
    """Print the result for a person."""
    watched = "each watched on a socket" if result.sockets else "no sockets"
    at_speed = "" if result.speed is None else f", SPEED={result.speed:g}"
    console.print(
        f"\n{result.orders} orders through {result.concurrency} clients, {watched}, {result.url}{at_speed}\n",
        highlight=False,
    )
    if result.orders:
        console.print(_counts(result))
    console.print(_latencies(result))
    if result.processor_us_per_order:
        console.print(_processor_time(result))
    for refusal, count in result.refused.items():
        console.print(f"refused {count} times: {refusal}", style="red", markup=False)


def _counts(result: BenchResult) -> Table:
    table = table_of_figures("throughput and delivery", "")
    table.add_row("accepted orders per second", f"{result.accepted_per_s:,.0f}")
    table.add_row("end-to-end orders per second", f"{result.end_to_end_per_s:,.0f}")
    table.add_row("confirmed", f"{result.confirmed:,}")
    table.add_row("failed", f"{result.failed:,}")
    table.add_row("never ended", f"{result.never_ended:,}")
    where = "delivered on sockets" if result.sockets else "in the ledger"
    table.add_row(f"statuses in order, {where}", f"{result.statuses_delivered:,} of {result.statuses_expected:,}")
    table.add_row("orders in the ledger, of those accepted", f"{result.ledger_orders:,} of {result.accepted:,}")
    table.add_row("every order exactly once, with every status", "yes" if result.clean else "[bold red]NO[/]")
    return table


def _latencies(result: BenchResult) -> Table:
    table = table_of_figures("milliseconds", "p50", "p95", "p99", "maximum")
    rows = (
        ("POST → 202", result.post_to_202_ms),
        (
            "POST → confirmed" if result.sockets else "created → confirmed (by the ledger)",
            result.post_to_confirmed_ms,
        ),
        ("POST → confirmed, unloaded", result.unloaded_ms),
    )
    for label, timings in rows:
        if timings.count:
            table.add_row(label, *(f"{ms:,.1f}" for ms in (timings.p50, timings.p95, timings.p99, timings.maximum)))
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
