"""The orders in Redis, for the stages, and the replicas that they wait for; in memory."""

from collections.abc import Iterable, Sequence

from orderflow.adapters.books import Books
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.replication import ReplicatedWrite, Replication
from orderflow.domain.order import Order, StatusEvent, event_of
from orderflow.errors import RetryableError
from tests.support.fakes.outage import Outage


class FakeOrders(Outage, Orders):
    """Takes a step only at the sequence before it, as the real one does; an order it has not seen is at that step."""

    def __init__(self) -> None:
        self.partitions = 1
        self.sequences: dict[str, int] = {}
        self.transitions: list[Transition] = []
        self.scheduled: list[tuple[str, Order, int]] = []
        self.gone: list[str] = []
        self.known: dict[str, tuple[Order, list[StatusEvent]]] = {}

    def apply(self, transitions: Sequence[Transition]) -> list[bool]:
        self._reach()
        taken = []
        for transition in transitions:
            order = transition.order
            fresh = self.sequences.get(order.order_id, order.sequence - 1) == order.sequence - 1
            if fresh:
                self.sequences[order.order_id] = order.sequence
                self.transitions.append(transition)
                self.known[order.order_id] = (order, [event_of(order)])
            taken.append(fresh)
        return taken

    def schedule(self, stream: str, messages: Sequence[tuple[Order, int]]) -> None:
        self._reach()
        self.scheduled += [(stream, order, delay_ms) for order, delay_ms in messages]

    def find(self, order_id: str) -> tuple[Order, list[StatusEvent]] | None:
        self._reach()
        return self.known.get(order_id)

    def expire_after_recording(self, order_ids: Sequence[str]) -> None:
        self._reach()
        self.gone += order_ids


class FakeBooks(Outage, Books):
    """The books of orders that rest."""

    def __init__(self) -> None:
        self.rests = False
        """Whether something rests."""

    def something_rests(self) -> bool:
        self._reach()
        return self.rests


class FakeReplication(Outage, Replication):
    """Replicas that have everything at once; notes in `waited` what was waited for."""

    def __init__(self) -> None:
        self.waited: list[ReplicatedWrite] = []
        self.lacking: list[ReplicatedWrite] = []
        """What the replicas do not have."""

    def wait_for(self, written: Iterable[ReplicatedWrite]) -> None:
        self._reach()
        for each in written:
            if each in self.lacking:
                raise RetryableError(f"0 of 1 replicas have what was written to {each.partition}")
            self.waited.append(each)
