"""The port to the venues: where orders are quoted, executed and looked up, whatever the venues are.

A venue family (the mock market, or a chain with its pools) implements `Venue`, by batches and without any simulated
time of its own in what it returns but `ready_in_ms`, which is 0 where an answer can be used at once.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, Protocol

import msgspec

from orderflow.domain.execution import Execution
from orderflow.domain.launches import Launch
from orderflow.domain.market import Market
from orderflow.domain.order import Order, OrderRequest, Signature
from orderflow.domain.routing import Route
from orderflow.domain.ticks import Tick
from orderflow.domain.tokens import Token
from orderflow.errors import RejectedError


class Quoted(msgspec.Struct, frozen=True):
    """The best route of a request, and in how many ms an order may go on with it.

    It keeps to the pools of the venues that answered; some were `unanswered` when it was chosen.
    """

    route: Route
    ready_in_ms: int = 0
    unanswered: tuple[str, ...] = ()


class Alike(NamedTuple):
    """Market orders on their way to be executed: so many `times` one of about the amount of each."""

    request: OrderRequest
    times: int


class Prepared(msgspec.Struct, frozen=True):
    """What an order's transaction is made of, and in how many ms it is ready to be signed.

    The venue refuses it after the slot `last_valid_slot`, and after `expires_at_ms` by its own clock (since 1970).
    """

    instructions: tuple[str, ...]
    last_valid_slot: int
    expires_at_ms: int
    ready_in_ms: int = 0


class Load(msgspec.Struct, frozen=True):
    """How busy a venue is: the transactions that wait to be executed now, and all that are under way.

    `queue` and `place` name them where a refusal is logged.
    """

    waiting: int
    in_flight: int
    queue: str
    place: str


class Venue(Protocol):
    """A venue family. Every method may raise RetryableError: the whole batch then waits and is tried again."""

    def quote(self, requests: Sequence[OrderRequest], *, indicative: bool = False) -> Sequence[Quoted | RejectedError]:
        """Return the best route of each request, or why there is none, all over the same state of the market.

        There may be none since a venue did not answer (UnansweredError). An `indicative` quote is for information: it
        asks every venue, however late one would be for an order.
        """

    def fit(
        self, requests: Sequence[OrderRequest], minimums: Sequence[int], behind: Sequence[Alike] = ()
    ) -> Sequence[int | RejectedError]:
        """Return what each request would receive in atoms, or why there is no route, all over one state of the market.

        That is what the route of an indicative quote for its amount pays, in turn: each finds what those that it is
        `behind` would leave in the pools, and those before it that receive their minimum, in atoms. Nothing is traded.
        """

    def largest_part(self, request: OrderRequest, least: Fraction, behind: Sequence[Alike] = ()) -> int:
        """Return the largest input, up to the request's, at which the best route's marginal price is `least` or more.

        `least` is in atoms of `token_out` for an atom of `token_in`; the result is in atoms of `token_in`, 0 if none.
        An indicative quote for the part pays ⌈part·least⌉ or more, on the pools that those that it is `behind` leave.
        """

    def quote_launched(self, orders: Sequence[Order]) -> Sequence[Quoted | RejectedError]:
        """Return the route of each order through the pool of the launch that fired it, or why there is none.

        No venue is asked for a quote, so there is nothing to wait for. How the order pays to land soon is part of it.
        """

    def prepare(self, orders: Sequence[Order]) -> Sequence[Prepared]:
        """Return what the transaction of each routed order is made of."""

    def sign(self, order: Order) -> Signature:
        """Return the signature of a built order's transaction: the same one however often it is signed."""

    def send(self, orders: Sequence[Order]) -> Sequence[Order]:
        """Send the signed transactions of orders; a signature is accepted once, and sending it again changes nothing.

        Returns the orders that have a result already: they can be confirmed at once. The others appear on the stream of
        orders to confirm when the venue has executed them. What was sent and what is returned outlives any failover.
        """

    def results(self, signatures: Sequence[Signature]) -> Sequence[Execution | None]:
        """Return what became of each transaction; None while it has not been executed."""

    def abandon(self, signature: Signature, reason: str) -> Execution:
        """Return what became of a transaction, for good: one that was not executed fails for `reason` from now on.

        The result outlives any failover.
        """

    def forget(self, orders: Sequence[Order]) -> None:
        """Drop the results of orders that have ended, as soon as their transactions can't be executed any more."""

    def load(self) -> Load | None:
        """Return how busy the venue is, or None where that is not known or of no matter."""

    def slot(self) -> int:
        """Return the slot of the latest block."""

    def prices(self) -> Tick:
        """Return what every pair of tokens is worth now, after the latest block."""

    def market(self) -> Market:
        """Return the pools after the latest block, and what they say that each pair of listed tokens is worth."""

    def keep_time(self) -> None:
        """Have the market's time pass, and write each block's tick for those who wait for prices, while that is needed.

        An order that rests does, and somebody who follows the market. To be called once what rests is where it rests,
        or who follows is noted, and again whenever it may have been missed: it costs one call. What comes to rest
        before is seen before the clock is stopped. The demand outlives any failover.
        """

    def launches(self, *, past: int = 0) -> Sequence[Launch]:
        """Return the launches that are announced or open, the latest first, then so many of those that are over."""

    def find_tokens(self, names: Collection[str]) -> Mapping[str, Token]:
        """Return, by name, those tokens of launches announced so far that have one of the mints or symbols."""

    def closed(self, names: Collection[str]) -> Set[str]:
        """Return those of mints and symbols whose token was launched and has closed: it never trades again."""

    def reference_prices(self) -> Mapping[str, Decimal]:
        """Return prices by token in US dollars per unit, to value small things by; a token may be missing."""
