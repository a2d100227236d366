"""Finds the tokens that were launched and that orders name: orders as clients write them in, those tokens out.

Nothing is looked up for the tokens that can always be traded.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from types import MappingProxyType
from typing import Any, NamedTuple

from orderflow.domain.launches import Launch
from orderflow.domain.tokens import Token, find_token
from orderflow.runtime import async_clients, clients

MOST_LETTERS = 64
"""Longer than any mint or symbol."""


class Launched(NamedTuple):
    """Tokens that were launched, by the names that orders give them, and what of targets is known, by their mints.

    Those of launches to come are `coming`; a `past` one has its symbol and whether it trades, in words. `closed` are
    the symbols of tokens that never trade again.
    """

    tokens: Mapping[str, Token] = MappingProxyType({})
    coming: Mapping[str, Launch] = MappingProxyType({})
    past: Mapping[str, str] = MappingProxyType({})
    closed: Set[str] = frozenset()


NONE_LAUNCHED = Launched()


async def find_launched(orders: Iterable[object], account: str) -> Launched:
    """Return what an account's orders name that is in no list, in one look-up for all of them.

    Raises OverloadedError, and whatever the venue does when it can't be reached.
    """
    names: set[str] = set()
    mints: set[str] = set()
    for order in orders:
        if isinstance(order, Mapping):
            names.update(_unknown(order.get("token_in"), order.get("token_out")))
            if isinstance(target := order.get("target"), Mapping):
                mints.update(_unknown(target.get("mint")))
    if not names and not mints:
        return NONE_LAUNCHED
    return await async_clients.lookups().run(_find, names, mints, account=account)


def _unknown(*names: Any) -> Iterator[str]:
    for name in names:
        if isinstance(name, str) and len(name) <= MOST_LETTERS and name.isascii() and find_token(name) is None:
            yield name


def _find(names: set[str], mints: set[str]) -> Launched:
    venue = clients.venue()
    tokens = venue.find_tokens(names | mints)
    closed = venue.closed({token.symbol for name, token in tokens.items() if name in names}) if tokens else frozenset()
    targets = {mint: token for mint in mints if (token := tokens.get(mint)) is not None and token.mint == mint}
    if not targets:
        return Launched(tokens, closed=closed)
    slot = venue.slot()
    announced = {launch.token.mint: launch for launch in venue.launches()}
    coming = {
        mint: launch
        for mint in targets
        if (launch := announced.get(mint)) is not None and launch.status_at(slot) == "announced"
    }
    past = {
        mint: f"{token.symbol} {'trades already' if mint in announced else 'has closed'}"
        for mint, token in targets.items()
        if mint not in coming
    }
    return Launched(tokens, coming, past, closed)
