"""What a pool has to be: its state, its swaps, the curve that it pays along, and the names that its program uses."""

from decimal import Decimal
from typing import ClassVar, Protocol, Self

import msgspec

from orderflow.domain.pools.curves import PoolCurve


class Swap(msgspec.Struct, frozen=True):
    """The result of a swap, all amounts in atoms; `fee` is in atoms of `fee_token` and already inside the amounts."""

    amount_in: int
    amount_out: int
    fee: int
    fee_token: str


class AnyPool(Protocol):
    """A pool of two tokens at one moment, immutable. Amounts are atoms, `now_s` is a Unix second.

    A type of pools that is read from JSON is a msgspec struct with these members. Its tag is the name of its program,
    and it is a member of `orderflow.domain.pools.Pool`. No other code asks for the type of a pool.
    """

    swap_instruction: ClassVar[str]
    """What the program calls its swap."""

    slippage_error: ClassVar[str | None]
    """The program's error for a swap that pays less than its minimum; None where only an aggregator checks that."""

    @property
    def pool(self) -> str:
        """The pool's address."""

    @property
    def venue(self) -> str:
        """The venue that the pool belongs to."""

    @property
    def token_a(self) -> str:
        """One of the two tokens."""

    @property
    def token_b(self) -> str:
        """The other token."""

    def other(self, token: str) -> str:
        """Return the token that `token` is traded against here."""

    def reserves(self, token_in: str) -> tuple[int, int]:
        """Return (atoms of `token_in`, atoms of the other token) that swaps are priced with or paid from."""

    def most_held(self, token_in: str, swap: Swap) -> int:
        """Return the most atoms of a token that the pool's accounts hold before or after a swap: 64 bits must do."""

    def check_state(self) -> None:
        """Raise RejectedError when the pool can't trade in this state, and ValueError when the state is not valid."""

    def quote(self, token_in: str, amount_in: int, now_s: int) -> Swap:
        """Return what comes of selling `amount_in` atoms of `token_in`, without making the pool after it.

        Raises ZeroOutputError when the output would be zero, and InsufficientLiquidityError when the pool can't take
        the amount.
        """

    def swap(self, token_in: str, amount_in: int, now_s: int) -> tuple[Swap, Self]:
        """Return what `quote` does, and the pool after it. Raises as `quote` does."""

    def swap_exact_out(self, token_in: str, amount_out: int, now_s: int) -> tuple[Swap, Self]:
        """Buy exactly `amount_out` atoms for the fewest atoms of `token_in` that `swap` would give as many for.

        Raises as `swap` does.
        """

    def curve(self, token_in: str, now_s: int) -> PoolCurve:
        """Return the curve along which the pool takes `token_in`; no swap pays more than its curve."""

    def first_price(self, token_in: str, now_s: int) -> float:
        """Return what the first atom of `token_in` earns, fee paid, in atoms of the other token."""

    def fee_falls_at(self, now_s: int) -> float:
        """Return the second after `now_s` at which the fee next changes though nobody trades; infinity for never."""

    def spot_price(self, token_in: str) -> Decimal:
        """Return what the next atom of `token_in` is worth, without fees, in atoms of the other token."""

    def price_impact(self, token_in: str, swap: Swap) -> Decimal:
        """Return how much worse than the spot price a swap on this state is, without fees, as a fraction."""
