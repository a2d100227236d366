"""Who may do what: a key and where it is used in, the caller that it stands for, or why for none, out."""

import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_network
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec

from orderflow.domain.addresses import read_address

LOCAL_ACCOUNT = "local"
"""The account of every caller where nobody needs a key, and of the orders from before there were accounts."""
ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)

Permission = Literal["read", "trade", "market", "admin"]
"""`read` reads orders, quotes and the market, `trade` places, amends and cancels orders, `market` has the mock market's
slots pass by hand, `admin` runs the engine."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

Denial = Literal["unknown", "revoked", "expired", "network"]
"""Why a key stands for nobody: for the log alone, since its user is answered the same each time."""

LimitName = Literal["orders", "changes", "reads", "named"]
"""What requests are counted by; `Limits` has a rate for each."""
DAY_S = 24 * 60 * 60

NO_DIGEST = "0" * 64
"""The digest that the secret of an unknown key is compared with, so that it takes as long as that of a known one."""


class Rate(msgspec.Struct, frozen=True):
    """So much a second in the long run, and `burst` at once."""

    per_second: Annotated[float, msgspec.Meta(gt=0)]
    burst: Annotated[int, msgspec.Meta(ge=1)]


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much an account may ask for.

    `orders` counts orders, `changes` orders to cancel or amend, `reads` what reading costs: 1 for an order, more for
    what takes longer. `named_orders_a_day` is how many orders may have a name, each of which is kept for a day, and
    `sockets` how many may be open at a time.
    """

    orders: Rate = Rate(50, 100)
    changes: Rate = Rate(100, 200)
    reads: Rate = Rate(50, 100)
    named_orders_a_day: Annotated[int, msgspec.Meta(ge=1)] = 200_000
    sockets: int = 20

    @property
    def named(self) -> Rate:
        """The rate of orders with a name: those of a day at once, and as many again in each day."""
        return Rate(self.named_orders_a_day / DAY_S, self.named_orders_a_day)


class Cost(NamedTuple):
    """How many units a call costs of a limit, which is this rate."""

    limit: LimitName
    rate: Rate
    units: int


class Left(NamedTuple):
    """What is left of a limit: units that may be spent now, and the ms until the whole burst may be again."""

    limit: LimitName
    rate: Rate
    units: int
    whole_in_ms: int


class Caller(msgspec.Struct, frozen=True):
    """Whom a request is from. Without a key (`key_id` is '') there are no `limits` either."""

    account: str
    permissions: frozenset[Permission]
    key_id: str = ""
    limits: Limits | None = None

    def may(self, permission: Permission) -> bool:
        """Return whether the caller has a permission."""
        return permission in self.permissions


LOCAL_CALLER = Caller(LOCAL_ACCOUNT, frozenset(PERMISSIONS))
"""Every caller where nobody needs a key."""


class ApiKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key as it is kept: never its secret, only the SHA-256 of its whole text, in hex.

    Times are ms since 1970. It is taken from addresses in its `networks` (CIDR), from any where it names none. Each
    change makes it one `version` higher.
    """

    id: str
    account: str
    digest: str
    permissions: tuple[Permission, ...]
    created_at_ms: int
    networks: tuple[str, ...] = ()
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None
    limits: Limits = Limits()
    label: str = ""
    version: int = 1
    successor: str = ""
    """The id of the key that takes its place."""

    @property
    def caller(self) -> Caller:
        """Whom it stands for."""
        return Caller(self.account, frozenset(self.permissions), self.id, self.limits)


def authorize(digest: str, key: ApiKey | None, address: str, now_ms: int) -> Caller | Denial:
    """Return whom a key stands for that has this digest and is used from an address, or why for nobody."""
    matches = hmac.compare_digest(digest, key.digest if key else NO_DIGEST)
    if key is None or not matches:
        return "unknown"
    if ended := why_ended(key, now_ms):
        return ended
    if key.networks and not _is_in(address, key.networks):
        return "network"
    return key.caller


def why_ended(key: ApiKey, now_ms: int) -> Denial | None:
    """Return why a key is good for nothing any more, None while it is good."""
    if key.revoked_at_ms is not None and key.revoked_at_ms <= now_ms:
        return "revoked"
    if key.expires_at_ms is not None and key.expires_at_ms <= now_ms:
        return "expired"
    return None


def _is_in(address: str, networks: Iterable[str]) -> bool:
    used_from = _address(address)
    return used_from is not None and any(used_from in _network(network) for network in networks)


_address, _network = lru_cache(4_096)(read_address), lru_cache(4_096)(ip_network)
"""Each is asked for with every request, and takes longer than all the rest."""
