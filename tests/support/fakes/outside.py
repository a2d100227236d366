"""Everything outside a function, in memory."""

import pytest

from orderflow.domain.venue import Venue
from orderflow.runtime import async_clients, clients, clock
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import NOW_MS
from tests.support.fakes.access import FakeApiKeyCopies, FakeApiKeys, FakeTickets, known_keys
from tests.support.fakes.chain import FakeChain
from tests.support.fakes.dead_letters import FakeDeadLetters
from tests.support.fakes.delivery import FakeFeeds, FakeSockets, FakeWatchers
from tests.support.fakes.front_door import (
    FakeAccountSockets,
    FakeChannels,
    FakeFollowers,
    FakeIntake,
    FakeRateLimits,
    FakeRedisHealth,
    FakeSubscriptions,
)
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.orders import FakeBooks, FakeOrders, FakeReplication
from tests.support.fakes.outage import Outage
from tests.support.fakes.reports import FakeEngineState, FakeReports, FakeTallies


class FakeRedis(Outage):
    """A Redis that answers, or not."""

    def ping(self) -> bool:
        self._reach()
        return True


class Outside:
    """Everything outside a function, in place of what its environment would name."""

    def __init__(self) -> None:
        self.redis_client = FakeRedis()
        self.orders = FakeOrders()
        self.books = FakeBooks(self.orders)
        self.dead_letters = FakeDeadLetters(self.orders)
        self.chain = FakeChain()
        self._venue: Venue | None = None
        self.ledger = FakeLedger()
        self.sockets = FakeSockets()
        self.watchers = FakeWatchers()
        self.feeds = FakeFeeds()
        self.intake = FakeIntake()
        self.rate_limits = FakeRateLimits()
        self.redis_health = FakeRedisHealth()
        self.subscriptions = FakeSubscriptions()
        self.account_sockets = FakeAccountSockets()
        self.channels = FakeChannels()
        self.followers = FakeFollowers()
        self.reports = FakeReports()
        self.tallies = FakeTallies()
        self.engine_state = FakeEngineState()
        self.replication = FakeReplication()
        self.api_keys = FakeApiKeys()
        self.api_key_copies = FakeApiKeyCopies()
        self.tickets = FakeTickets()
        self.known_keys = known_keys(self.api_keys, self.api_key_copies)
        self.latency = Latency(seed=1, speed=1)
        self.now_ms = NOW_MS

    @property
    def venue(self) -> Venue:
        """The real mock market, over the fake chain, unless a test has set another one."""
        return self._venue or MockVenue(self.chain, self.latency, self.replication)

    @venue.setter
    def venue(self, venue: Venue) -> None:
        self._venue = venue

    def take_place(self, patch: pytest.MonkeyPatch) -> None:
        """Be what functions find, as long as `patch` lasts."""
        stores = ("redis_client", "orders", "books", "ledger", "replication")
        counted = ("reports", "tallies", "engine_state", "dead_letters")
        for name in (*stores, *counted, "venue", "sockets", "watchers", "feeds"):
            patch.setattr(clients, name, lambda name=name: getattr(self, name))
        patch.setattr(async_clients, "intake", lambda: self.intake)
        patch.setattr(async_clients, "rate_limits", lambda: self.rate_limits)
        patch.setattr(async_clients, "redis_health", lambda: self.redis_health)
        patch.setattr(async_clients, "subscriptions", lambda: self.subscriptions)
        patch.setattr(async_clients, "known_keys", lambda: self.known_keys)
        patch.setattr(async_clients, "account_sockets", lambda: self.account_sockets)
        patch.setattr(async_clients, "tickets", lambda: self.tickets)
        patch.setattr(async_clients, "channels", lambda: self.channels)
        patch.setattr(async_clients, "followers", lambda: self.followers)
        patch.setattr(clock, "now_ms", lambda: self.now_ms)
