"""What says whom a request is from, in memory: the record of keys, their copies, and tickets."""

from collections.abc import Mapping

from orderflow.adapters.api_key_copies import ApiKeyCopies, Copy, TooManyLookupsError
from orderflow.adapters.api_keys import ApiKeys
from orderflow.adapters.tickets import Tickets
from orderflow.domain.access import ApiKey
from orderflow.runtime.known_keys import KnownKeys
from tests.support.fakes.outage import Outage


class FakeApiKeys(Outage, ApiKeys):
    """The record of keys: those in `held`."""

    def __init__(self) -> None:
        self.held: dict[str, ApiKey] = {}
        self.asked: list[str] = []

    def find(self, key_id: str) -> ApiKey | None:
        self.asked.append(key_id)
        self._reach()
        return self.held.get(key_id)


class FakeApiKeyCopies(Outage, ApiKeyCopies):
    """The copies in Redis: those in `held`, each so old as `age_ms` says; `retry_after_ms` refuses unknown ones."""

    def __init__(self) -> None:
        self.held: dict[str, ApiKey] = {}
        self.age_ms = 0
        self.retry_after_ms = 0
        self.asked: list[tuple[str, str | None]] = []

    async def look_up(self, key_id: str, address: str | None) -> Copy:
        self.asked.append((key_id, address))
        self._reach()
        if key_id not in self.held and address is not None and self.retry_after_ms:
            raise TooManyLookupsError(self.retry_after_ms)
        return Copy(self.held.get(key_id), self.age_ms, looked_up_at_ms=0)

    async def keep(self, api_key: ApiKey, read_at_ms: int) -> ApiKey:
        self._reach()
        kept = self.held.get(api_key.id)
        newest = kept if kept is not None and kept.version > api_key.version else api_key
        self.held[api_key.id] = newest
        return newest

    async def drop(self, key_id: str) -> None:
        self._reach()
        self.held.pop(key_id, None)


class FakeTickets(Outage, Tickets):
    """The tickets that were issued: those in `held`."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, str]] = {}

    async def issue(self, context: Mapping[str, str]) -> str:
        self._reach()
        ticket = f"ticket-{len(self.held)}"
        self.held[ticket] = dict(context)
        return ticket

    async def take(self, ticket: str) -> dict[str, str] | None:
        self._reach()
        return self.held.pop(ticket, None)


def known_keys(api_keys: ApiKeys, copies: ApiKeyCopies) -> KnownKeys:
    """Return what looks keys up in these two."""

    async def read(key_id: str) -> ApiKey | None:
        return api_keys.find(key_id)

    return KnownKeys(copies, read)
