"""What the front door needs of Redis, in memory: orders that come in, subscriptions, sockets, limits, and health."""

from collections.abc import Sequence

from orderflow.adapters.account_sockets import NONE_LOOKED_AT, AccountSocket, AccountSockets, Looked
from orderflow.adapters.channels import ChannelRequest, Channels
from orderflow.adapters.followers import Followers
from orderflow.adapters.intake import Conflict, Intake, NewOrder
from orderflow.adapters.rate_limits import RateLimits, Refused, meter
from orderflow.adapters.redis_health import RedisHealth
from orderflow.adapters.subscriptions import Added, Outcome, Subscription, Subscriptions
from orderflow.domain.access import Cost, Left, LimitName
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


class FakeRateLimits(Outage, RateLimits):
    """Limits at which no time passes: what is spent does not come back."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, LimitName], int] = {}
        self.known: Refused | None = None
        """What a process knows before it asks."""

    async def spend(self, account: str, costs: Sequence[Cost]) -> list[Left] | Refused:
        self._reach()
        for limit, rate, units in costs:
            left = rate.burst - self.spent.get((account, limit), 0)
            if units > left:
                unit_ms = meter(rate).unit_us // 1000
                return Refused(Left(limit, rate, left, (rate.burst - left) * unit_ms), (units - left) * unit_ms)
        return [self._taken(account, cost) for cost in costs]

    def refused_already(self, account: str, costs: Sequence[Cost]) -> Refused | None:
        return self.known

    def _taken(self, account: str, cost: Cost) -> Left:
        limit, rate, units = cost
        spent = self.spent[account, limit] = self.spent.get((account, limit), 0) + units
        return Left(limit, rate, rate.burst - spent, spent * meter(rate).unit_us // 1000)


class FakeChannels(Outage, Channels):
    """The channels' side of Redis: takes every request, or answers with `added`."""

    def __init__(self) -> None:
        self.added = Added(Outcome.ASKED)
        self.asked: list[ChannelRequest] = []

    async def add(self, asked: ChannelRequest) -> Added:
        self._reach()
        self.asked.append(asked)
        return self.added


class FakeFollowers(Outage, Followers):
    """The reports' side of Redis: takes every request, or answers with `added`."""

    def __init__(self) -> None:
        self.added = Added(Outcome.ASKED)
        self.asked: list[tuple[str, str, str]] = []
        self.left: list[str] = []

    async def add(self, channel: str, connection_id: str, action: str) -> Added:
        self._reach()
        self.asked.append((channel, connection_id, action))
        return self.added

    async def leave(self, connection_id: str) -> None:
        self._reach()
        self.left.append(connection_id)


class FakeRedisHealth(Outage, RedisHealth):
    """A Redis that takes writes, or not."""

    def __init__(self) -> None:
        pass

    async def check(self) -> None:
        self._reach()


class FakeAccountSockets(Outage, AccountSockets):
    """How many sockets each account has open, in memory, the longest known first."""

    def __init__(self) -> None:
        self.open: dict[str, list[AccountSocket]] = {}

    async def add(
        self, socket: AccountSocket, most: int, untouched_ms: int = 0, looked: Looked = NONE_LOOKED_AT
    ) -> list[AccountSocket] | None:
        self._reach()
        sockets = self.open.setdefault(socket.account, [])
        sockets[:] = [each for each in sockets if each not in looked.gone]
        if len(sockets) >= most:
            return list(sockets)
        sockets.append(socket)
        return None

    async def remove(self, socket: AccountSocket) -> None:
        self._reach()
        self.open[socket.account].remove(socket)
