"""The ledger in memory."""

from collections.abc import Callable, Sequence

from orderflow.adapters.ledger import Fill, Ledger, OrderRow
from orderflow.adapters.ledger_documents import OrderDocument
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import StatusEvent
from tests.support.fakes.outage import Outage


class FakeLedger(Outage, Ledger):
    """The ledger's rows in memory. `refuse` may raise what Postgres would on seeing a document.

    It lacks the steps before of the orders in `lacking` until one of them is written wholly.
    """

    def __init__(self) -> None:
        self.refuse: Callable[[OrderDocument], None] = lambda _: None
        self.written: list[OrderDocument] = []
        self.lacking: set[str] = set()
        self.rows: dict[str, OrderRow] = {}
        self.histories: dict[str, list[StatusEvent]] = {}
        self.owners: dict[str, str] = {}
        """The accounts of orders that have a history and are not `local`'s."""
        self.filled: dict[str, list[Fill]] = {}
        self.asked: list[OrderFilter] = []
        self.sought: list[list[str]] = []
        """What `find_each` was asked for."""

    def write(self, documents: Sequence[OrderDocument]) -> set[str]:
        self._reach()
        for document in documents:
            self.refuse(document)
        self.written += documents
        self.lacking -= {document.order_id for document in documents if document.is_whole}
        return self.lacking & {document.order_id for document in documents}

    def find(self, order_id: str, account: str) -> OrderRow | None:
        self._reach()
        row = self.rows.get(order_id)
        return row if row and row.account == account else None

    def find_each(self, order_ids: Sequence[str], account: str) -> dict[str, OrderRow]:
        self._reach()
        self.sought.append(list(order_ids))
        found = {order_id: self.find(order_id, account) for order_id in order_ids}
        return {order_id: row for order_id, row in found.items() if row}

    def history(self, order_id: str, account: str) -> list[StatusEvent]:
        self._reach()
        return self.histories.get(order_id, []) if self.owners.get(order_id, LOCAL_ACCOUNT) == account else []

    def fills(self, order_id: str) -> list[Fill]:
        self._reach()
        return self.filled.get(order_id, [])

    def children(self, parent_id: str) -> list[OrderRow]:
        self._reach()
        return [row for row in self.rows.values() if row.parent_id == parent_id]

    def find_all(self, wanted: OrderFilter) -> list[OrderRow]:
        self._reach()
        self.asked.append(wanted)
        return list(self.rows.values())[: wanted.limit]

    def ping(self) -> None:
        self._reach()
