"""The ledger in memory."""

from collections.abc import Callable, Sequence

from orderflow.adapters.ledger import Fill, Ledger, OrderFilter, OrderRow, Step
from orderflow.domain.order import StatusEvent
from tests.support.fakes.outage import Outage


class FakeLedger(Outage, Ledger):
    """The ledger's rows in memory. `refuse` may raise what Postgres would on seeing a step."""

    def __init__(self) -> None:
        self.refuse: Callable[[Step], None] = lambda _: None
        self.written: list[Step] = []
        self.rows: dict[str, OrderRow] = {}
        self.histories: dict[str, list[StatusEvent]] = {}
        self.filled: dict[str, list[Fill]] = {}
        self.asked: list[OrderFilter] = []

    def write(self, steps: Sequence[Step]) -> None:
        self._reach()
        for step in steps:
            self.refuse(step)
        self.written += steps

    def find(self, order_id: str) -> OrderRow | None:
        self._reach()
        return self.rows.get(order_id)

    def history(self, order_id: str) -> list[StatusEvent]:
        self._reach()
        return self.histories.get(order_id, [])

    def fills(self, order_id: str) -> list[Fill]:
        self._reach()
        return self.filled.get(order_id, [])

    def find_all(self, wanted: OrderFilter) -> list[OrderRow]:
        self._reach()
        self.asked.append(wanted)
        return list(self.rows.values())[: wanted.limit]

    def ping(self) -> None:
        self._reach()
