"""The orders in Redis, for the stages, and the replicas that they wait for; in memory."""

from collections.abc import Iterable, Sequence

from orderflow.adapters.books import Books, Candidates, FindClosed, Rebooked, Resting, Sale
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.replication import ReplicatedWrite, Replication
from orderflow.domain.order import Order, StatusEvent, event_of
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.errors import RetryableError
from orderflow.runtime import clock
from tests.support.builders import encode
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
        self.ends: dict[str, Status] = {}
        """The ends that were requested of orders whose transactions are out, by their ids."""

    def apply(self, transitions: Sequence[Transition]) -> list[bool]:
        self._reach()
        taken = []
        for transition in transitions:
            order = transition.order
            if order.order_id in self.ends and order.status in (Status.OPEN, Status.TRIGGERED):
                raise RetryableError(f"the end of {order.order_id} was requested meanwhile")
            before = order.sequence - len(transition.through) - 1
            fresh = self.sequences.get(order.order_id, before) == before
            if fresh:
                self.sequences[order.order_id] = order.sequence
                self.transitions.append(transition)
                self.known[order.order_id] = (order, [event_of(order)])
            taken.append(fresh)
        return taken

    def request_ends(self, orders: Sequence[Order], end: Status) -> list[bool]:
        self._reach()
        still = [self.sequences.get(order.order_id, order.sequence) == order.sequence for order in orders]
        for order, is_still in zip(orders, still, strict=True):
            if is_still:
                self.ends.setdefault(order.order_id, end)
        return still

    def requested_ends(self, order_ids: Sequence[str]) -> dict[str, Status]:
        self._reach()
        return {order_id: self.ends[order_id] for order_id in order_ids if order_id in self.ends}

    def schedule(self, stream: str, messages: Sequence[tuple[Order, int]]) -> None:
        self._reach()
        self.scheduled += [(stream, order, delay_ms) for order, delay_ms in messages]

    def find(self, order_id: str, account: str | None = None) -> tuple[Order, list[StatusEvent]] | None:
        self._reach()
        found = self.known.get(order_id)
        return found if found and account in (None, found[0].account) else None

    def documents(self, order_id: str) -> list[str]:
        found = self.find(order_id)
        return [encode(found[0])] if found else []

    def find_each(self, order_ids: Sequence[str], account: str | None = None) -> dict[str, Order]:
        self._reach()
        found = {order_id: self.find(order_id, account) for order_id in order_ids}
        return {order_id: each[0] for order_id, each in found.items() if each}

    def expire_after_recording(self, order_ids: Sequence[str]) -> None:
        self._reach()
        self.gone += order_ids


class FakeBooks(Outage, Books):
    """Orders that rest: those in `resting` are candidates at every tick, until they take a step in `orders`.

    Notes what is found elsewhere from now on.
    """

    def __init__(self, orders: FakeOrders) -> None:
        self._orders = orders
        self.partitions = ["p0"]
        self.resting: dict[str, Resting] = {}
        self.asked: list[tuple[Tick, bool]] = []
        """Of each look for candidates, the tick and whether limits were to be found too."""
        self.closings: list[bool] = []
        """Of each look for candidates, whether those were to be found too whose token has closed."""
        self.most = 100
        """How many are found at a time."""
        self.rebooked: list[Rebooked] = []
        self.sales: list[Sale] = []
        """What has fired and not landed yet."""
        self.rests = False
        """Whether something rests that is not in `resting`."""

    def now_ms(self) -> int:
        self._reach()
        return clock.now_ms()

    def candidates(
        self, partition: str, tick: Tick, *, limits: bool = True, beyond: int = 0, closed: FindClosed | None = None
    ) -> Candidates:
        self._reach()
        self.asked.append((tick, limits))
        self.closings.append(closed is not None)
        at = self._orders.sequences
        resting = [each for each in self.resting.values() if at.get(each.order.order_id, 0) <= each.order.sequence]
        found = [each for each in resting if limits or each.order.least is None][: self.most + beyond]
        return Candidates(found, len(found), is_cut=len(found) == self.most + beyond)

    def on_their_way(self, slot: int) -> list[Sale]:
        self._reach()
        return self.sales

    def noted(self, orders: Sequence[Order]) -> list[Resting]:
        self._reach()
        known = [self.resting.get(order.order_id, Resting(order))._replace(order=order) for order in orders]
        return [each._replace(ending=each.ending or self._orders.ends.get(each.order.order_id)) for each in known]

    def rebook(self, changes: Sequence[Rebooked]) -> None:
        self._reach()
        self.rebooked += changes

    def something_rests(self) -> bool:
        self._reach()
        return self.rests or bool(self.resting)


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
