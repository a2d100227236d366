"""What the front door needs of Redis, in memory: orders that come in, subscriptions, and health."""

from collections.abc import Sequence

from orderflow.adapters.intake import Conflict, Intake, NewOrder
from orderflow.adapters.redis_health import RedisHealth
from orderflow.adapters.subscriptions import Added, Outcome, Subscription, Subscriptions
from orderflow.domain.order import OrderId
from tests.support.fakes.outage import Outage


class FakeIntake(Outage, Intake):
    """The front door's side of Redis: creates every order, or answers with `outcome`."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions = partitions
        self.outcome: OrderId | Conflict | None = None
        self.outcomes: dict[int, OrderId | Conflict | Exception] = {}
        """What orders of a batch come to, by their place in it, if not to what `create` makes of them."""
        self.created: list[NewOrder] = []

    async def create(self, new: NewOrder) -> OrderId | Conflict:
        self._reach()
        self.created.append(new)
        return self.outcome or new.order.order_id

    async def create_each(self, news: Sequence[NewOrder]) -> list[OrderId | Conflict | Exception]:
        return [self.outcomes.get(place) or self.error or await self.create(new) for place, new in enumerate(news)]


class FakeSubscriptions(Outage, Subscriptions):
    """The sockets' side of Redis: knows the orders in `held`, or answers with `added`."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.added: Added | None = None
        self.asked: list[Subscription] = []
        self.answered_by_ledger: list[Subscription] = []
        self.left: list[str] = []

    async def add(self, asked: Subscription) -> Added:
        self._reach()
        self.asked.append(asked)
        return self.added or Added(Outcome.ASKED if asked.order_id in self.held else Outcome.NOT_HERE)

    async def answered(self, asked: Subscription) -> None:
        self.answered_by_ledger.append(asked)

    async def leave(self, connection_id: str) -> None:
        self._reach()
        self.left.append(connection_id)


class FakeRedisHealth(Outage, RedisHealth):
    """A Redis that takes writes, or not."""

    def __init__(self) -> None:
        pass

    async def check(self) -> None:
        self._reach()
