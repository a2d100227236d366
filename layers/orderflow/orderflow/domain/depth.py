"""How much of a token the market takes at which price: a pair in, what the best route pays at growing amounts out."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import msgspec

from orderflow.domain.amounts import MAX_ATOMS, to_units
from orderflow.domain.conditions import shown_price
from orderflow.domain.order import MARKET, OrderRequest
from orderflow.domain.tokens import TOKENS, Token
from orderflow.domain.venue import Venue

POINTS = 8
LAST_PRICE = Fraction(81, 100)
"""Amounts grow until the next atom earns so much of what the first ones do. At a constant product, where the last atom
earns (1 − i)² of the first at an impact of i, that is at an impact of 10 %."""
LEAST_SHARE = 64
"""Where the market takes little, the least amount is this part of the largest."""
_NEVER = MAX_ATOMS + 1
"""What no amount pays: none of them changes the pools for those behind it."""
_SIX_DECIMALS = Decimal("0.000001")


class Paid(NamedTuple):
    """What comes of selling an amount, both in atoms."""

    amount_in: int
    amount_out: int


class DepthPoint(msgspec.Struct, frozen=True):
    """An amount, what it is traded at, and how much worse than the least one that is; decimal strings.

    `amount` is in units of the pair's `token_in` and `price` in units of `token_out` per unit of it, whichever of the
    two is sold; `impact` is a fraction to six decimals.
    """

    amount: str
    price: str
    impact: str


def measure(venue: Venue, sells: Token, buys: Token, least_in: int) -> list[Paid]:
    """Return what the best routes pay for POINTS growing amounts of a token, in atoms, each over the pools as they are.

    The first is `least_in`, or less where the market takes little. There is none where no route takes `least_in`, and
    there may be fewer of few atoms. Raises what the venue does.
    """
    first = _paid(venue, sells, buys, [least_in])
    if not first:
        return []
    end = venue.largest_part(_request(sells, buys, MAX_ATOMS), LAST_PRICE * Fraction(first[0].amount_out, least_in))
    if not end:
        return first
    return _paid(venue, sells, buys, growing(min(least_in, max(end // LEAST_SHARE, 1)), end, POINTS))


def growing(least: int, end: int, most: int) -> list[int]:
    """Return up to `most` different amounts from `least` to `end`, each about as many times the one before it."""
    factor = (end / least) ** (1 / (most - 1))
    between = (round(least * factor**step) for step in range(1, most - 1))
    return sorted({least, *(amount for amount in between if least < amount < end), end})


def sold_points(paid: Sequence[Paid], token_in: Token, token_out: Token) -> list[DepthPoint]:
    """Return the points at which a pair's `token_in` is sold, from what these amounts of it pay."""
    return [
        DepthPoint(_units(each.amount_in, token_in), _price(each, token_in, token_out), _impact(paid[0], each))
        for each in paid
    ]


def bought_points(paid: Sequence[Paid], token_in: Token, token_out: Token) -> list[DepthPoint]:
    """Return the points at which a pair's `token_in` is bought, from what amounts of `token_out` pay."""
    return [
        DepthPoint(
            _units(each.amount_out, token_in),
            _price(Paid(each.amount_out, each.amount_in), token_in, token_out),
            _impact(paid[0], each),
        )
        for each in paid
    ]


def _paid(venue: Venue, sells: Token, buys: Token, amounts: Sequence[int]) -> list[Paid]:
    """Return what each of these amounts would pay by itself; one that no route takes is left out."""
    received = venue.fit([_request(sells, buys, amount) for amount in amounts], [_NEVER] * len(amounts))
    return [Paid(amount, out) for amount, out in zip(amounts, received, strict=True) if isinstance(out, int)]


def _request(sells: Token, buys: Token, amount_in: int) -> OrderRequest:
    launched = tuple(token for token in (sells, buys) if token.symbol not in TOKENS)
    return OrderRequest(sells.symbol, buys.symbol, amount_in, MARKET, 0, tokens=launched)


def _units(atoms: int, token: Token) -> str:
    return f"{to_units(atoms, token).normalize():f}"


def _price(paid: Paid, token_in: Token, token_out: Token) -> str:
    units = Fraction(10) ** (token_in.decimals - token_out.decimals)
    return shown_price(Fraction(paid.amount_out, paid.amount_in) * units)


def _impact(first: Paid, paid: Paid) -> str:
    kept = Fraction(paid.amount_out * first.amount_in, paid.amount_in * first.amount_out)
    lost = max(1 - kept, Fraction(0))
    return f"{(Decimal(lost.numerator) / Decimal(lost.denominator)).quantize(_SIX_DECIMALS).normalize():f}"
