"""A tick: what every pair of tokens was worth after a block, by which orders that wait are fired."""

import msgspec

from orderflow.domain.launches import Launch

SLOT_MS = 400
"""How long a slot of the chain takes, in milliseconds of the market's time."""

HUBS = ("USDC", "SOL")
"""Over which token a pair without pools of its own has its reference price: the first with which both have one. A token
that was launched has prices with these alone."""


class PairPrices(msgspec.Struct, frozen=True, array_like=True):
    """The prices of a directed pair, in units of the token bought per unit of the token sold.

    `best` is what the first atom earns on the best path, fees paid: no route pays more on average, whatever its amount.
    It is 0 where none pays anything.
    `reference` is the price that triggers compare with, without fees: of the reversed pair it is the reciprocal.
    """

    best: float
    reference: float


class Tick(msgspec.Struct, frozen=True, omit_defaults=True):
    """The prices after a slot, by `pair_name`: of every pair, in both directions, between whose tokens a path leads.

    `launches` are those that opened since the tick before, or in this one's slot, and `closed` those that closed.

    In JSON the prices are short: `{"slot":7,"prices":{"SOL>USDC":[219.45,220.0],…}}`, the best price and the reference.
    """

    slot: int
    prices: dict[str, PairPrices]
    launches: tuple[Launch, ...] = ()
    closed: tuple[Launch, ...] = ()

    def trades(self, symbol: str) -> bool:
        """Return whether a token that was launched has a price."""
        return pair_name(symbol, HUBS[0]) in self.prices or pair_name(symbol, HUBS[1]) in self.prices


def pair_name(token_in: str, token_out: str) -> str:
    """Return the name of a directed pair, such as `SOL>USDC` where SOL is sold."""
    return f"{token_in}>{token_out}"
