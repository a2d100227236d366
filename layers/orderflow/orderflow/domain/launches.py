"""Launches: tokens that begin to trade, and what an order that waits for one asks of it."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from orderflow.domain.amounts import to_units
from orderflow.domain.conditions import shown_amount
from orderflow.domain.tokens import TOKENS, Token

Priority = Literal["normal", "fast", "turbo"]
LaunchStatus = Literal["announced", "open", "past"]
PRIORITIES: tuple[Priority, ...] = ("turbo", "fast", "normal")
"""How much an order pays to land soon, the first first."""
CLOSING = "closing"
"""What stands before a token's symbol in the name of the book of those who trade it, as a rule does before a pair."""


class Launch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token that begins to trade: in one pool at first, against the token `quote`, from the slot `open_slot` on.

    `liquidity` is what the pool opens with, in atoms of `quote`. Nobody can make more of the token when its mint is
    renounced, or take the liquidity out again when it is burned; accounts that are `freezable` may be stopped from
    selling. The ten largest holders have `top10_bps` of all of it. From `close_slot` on it does not trade any more.
    """

    token: Token
    quote: str
    venue: str
    pool: str
    liquidity: int
    mint_renounced: bool
    freezable: bool
    lp_burned: bool
    top10_bps: int
    announced_slot: int
    open_slot: int
    close_slot: int

    @property
    def pair(self) -> str:
        """The directed pair by which the token is bought, such as USDC>MOON200."""
        return f"{self.quote}>{self.token.symbol}"

    def status_at(self, slot: int) -> LaunchStatus:
        """Return whether it is still to open at a slot, trades, or has closed."""
        return "announced" if slot < self.open_slot else "open" if slot < self.close_slot else "past"

    def trades_at(self, slot: int) -> bool:
        """Return whether its token trades at a slot."""
        return self.status_at(slot) == "open"


class ListedLaunch(Launch, frozen=True, kw_only=True):
    """A launch, and whether it is `announced`, `open` or `past`."""

    status: LaunchStatus


def listed(launch: Launch, slot: int) -> ListedLaunch:
    """Return a launch as clients see it at a slot."""
    known = {name: getattr(launch, name) for name in Launch.__struct_fields__}
    return ListedLaunch(**known, status=launch.status_at(slot))


class LaunchFilters(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a launch must be for an order to buy it; None is anything. `min_liquidity` is in atoms of its quote."""

    mint_renounced: bool | None = None
    freezable: bool | None = None
    lp_burned: bool | None = None
    max_top10_bps: int | None = None
    min_liquidity: int | None = None
    venue: str | None = None

    def refusals(self, launch: Launch) -> Iterator[str]:
        """Yield which filters a launch does not pass, and why: `lp_burned: required true, pool has false`."""
        for flag in ("mint_renounced", "freezable", "lp_burned"):
            required, has = getattr(self, flag), getattr(launch, flag)
            if required is not None and required is not has:
                yield f"{flag}: required {_shown(required)}, pool has {_shown(has)}"
        if self.max_top10_bps is not None and launch.top10_bps > self.max_top10_bps:
            yield f"max_top10_bps: at most {self.max_top10_bps}, pool has {launch.top10_bps}"
        if self.min_liquidity is not None and launch.liquidity < self.min_liquidity:
            quote = TOKENS[launch.quote]
            least = f"{to_units(self.min_liquidity, quote).normalize():f}"
            yield f"min_liquidity: at least {least}, pool has {shown_amount(launch.liquidity, quote)}"
        if self.venue is not None and self.venue != launch.venue:
            yield f"venue: required {self.venue}, pool has {launch.venue}"


class Snipe(msgspec.Struct, frozen=True, omit_defaults=True):
    """The launch that an order waits for: that of the token with this `mint`, or the next that passes its filters."""

    mint: str | None = None
    filters: LaunchFilters = LaunchFilters()
    priority: Priority = "normal"

    @property
    def rank(self) -> int:
        """The place of its priority: 0 goes first."""
        return PRIORITIES.index(self.priority)

    def refusal(self, token_in: str, launch: Launch) -> str | None:
        """Return why a launch is not bought with a token; None where it is."""
        if launch.quote != token_in:
            return f"the pool of {launch.token.symbol} takes {launch.quote}, not {token_in}"
        found = next(self.filters.refusals(launch), None)
        return None if found is None else f"filter {found}"


def launch_book(mint_or_quote: str) -> str:
    """Return the name of the book of those who wait for the token with a mint, or for any against a quote token."""
    return f"launch:{mint_or_quote}"


def closing_book(symbol: str) -> str:
    """Return the name of the book of those who trade a token that was launched: they end when it closes."""
    return f"{CLOSING}:{symbol}"


def _shown(flag: bool) -> str:
    return "true" if flag else "false"
