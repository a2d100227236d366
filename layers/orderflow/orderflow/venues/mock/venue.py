"""The mock market as the stages see it: an implementation of the venue port over the chain in Redis."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from orderflow.adapters.replication import ReplicatedWrite, Replication
from orderflow.domain.execution import Execution
from orderflow.domain.instructions import instructions_for
from orderflow.domain.launches import Launch
from orderflow.domain.market import Market
from orderflow.domain.order import Order, OrderRequest, Signature
from orderflow.domain.ticks import SLOT_MS, Tick
from orderflow.domain.tokens import Token
from orderflow.domain.venue import Alike, Load, Prepared, Quoted
from orderflow.errors import RejectedError, RetryableError
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.keys import CHAIN, TRANSACTIONS, chain_key, result_key
from orderflow.venues.mock.latency import BLOCKHASH_VALID_SLOTS, SLOTS_TO_CONFIRM, Latency
from orderflow.venues.mock.launches import found_launches, named_launch
from orderflow.venues.mock.market_script import NO_SCRIPT, MarketScript
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.signer import sign
from orderflow.venues.mock.universe import VENUES

if TYPE_CHECKING:
    from orderflow.venues.mock.quotes import Quotes


class MockVenue:
    """The mock market's venues on a simulated chain.

    `replication` keeps what is sent and decided from a failover; `script` sets fair prices.
    """

    def __init__(
        self, chain: ChainStore, latency: Latency, replication: Replication, script: MarketScript = NO_SCRIPT
    ) -> None:
        self.chain = chain
        self.latency = latency
        self._replication = replication
        self._script = script

    def quote(self, requests: Sequence[OrderRequest], *, indicative: bool = False) -> list[Quoted | RejectedError]:
        """Return the best route of each request over the latest pools, ready when the slowest venue has answered.

        A venue that fails or misses the deadline is left out of a quote that is not `indicative`.
        """
        return self._quotes.quote(requests, indicative=indicative)

    def fit(
        self, requests: Sequence[OrderRequest], minimums: Sequence[int], behind: Sequence[Alike] = ()
    ) -> list[int | RejectedError]:
        """Return what each request would receive over the latest pools, behind those before it that get theirs."""
        return self._quotes.fit(requests, minimums, behind)

    def largest_part(self, request: OrderRequest, least: Fraction, behind: Sequence[Alike] = ()) -> int:
        """Return the largest input at which the best route over the latest pools has a marginal price of `least`."""
        return self._quotes.largest_part(request, least, behind)

    def quote_launched(self, orders: Sequence[Order]) -> list[Quoted | RejectedError]:
        """Return the route of each order through the pool of the launch that fired it; nobody has to answer for it."""
        return self._quotes.quote_launched(orders)

    def prepare(self, orders: Sequence[Order]) -> list[Prepared]:
        """Return the transactions' parts; each is ready when the venue's API has built it.

        The blockhash is fetched when the transaction is ready, so its time to live starts then.
        """
        chain_now_ms = self.chain.now_ms()
        return [self._prepare(order, chain_now_ms) for order in orders]

    def sign(self, order: Order) -> Signature:
        """Return the signature of a built order's transaction."""
        return sign(order)

    def send(self, orders: Sequence[Order]) -> list[Order]:
        """Have each transaction land after its delay; return the orders that have a result already."""
        delays_ms = [self._landing_ms(order) for order in orders]
        with_result = self.chain.send(list(zip(orders, delays_ms, strict=True)))
        self._replication.wait_for(transaction_sent(order.signature) for order in orders)
        # A failover may take a result back, and another one follow: nobody may act on it before the replicas have it.
        self._replication.wait_for(transaction_executed(order.signature) for order in with_result)
        return with_result

    def results(self, signatures: Sequence[Signature]) -> list[Execution | None]:
        """Return what became of each signature; None while it has not landed."""
        return self.chain.results(signatures)

    def abandon(self, signature: Signature, reason: str) -> Execution:
        """Fail a transaction that has not landed, so that it never will; return the result that stands."""
        result = self.chain.abandon(signature, reason)
        self._replication.wait_for([transaction_executed(signature)])
        return result

    def forget(self, orders: Sequence[Order]) -> None:
        """Have the results of ended orders expire after their transactions."""
        self.chain.forget(
            [
                (order.tx_hash, order.transaction.expires_at_ms)
                for order in orders
                if order.tx_hash is not None and order.transaction is not None
            ]
        )

    def load(self) -> Load:
        """Return the transactions that wait for a block, and those with the ones that have not landed yet."""
        waiting, resting = self.chain.lengths()
        return Load(waiting, waiting + resting, queue=f"{CHAIN}:{TRANSACTIONS}", place=CHAIN)

    def slot(self) -> int:
        """Return the slot of the latest block."""
        return self.chain.slot()

    def prices(self) -> Tick:
        """Return what every pair of tokens is worth after the latest block."""
        _, state = self.chain.state()
        return self.chain.tick(state)

    def market(self) -> Market:
        """Return the pools after the latest block, and the prices of listed tokens there."""
        return self.chain.market()

    def keep_time(self) -> None:
        """Have the chain's clock run, and each block write a tick, until nothing needs it; outlives any failover."""
        demand = self.chain.clock.keep_time()
        self._replication.wait_for([ReplicatedWrite(CHAIN, chain_key("slot"), "demand", demand)])

    def launches(self, *, past: int = 0) -> list[Launch]:
        """Return the launches that are announced or open, the latest first, then so many of those that have closed.

        One that should be open is, unless the setting was another when it was to open.
        """
        if not self.chain.calendar.every:
            return []
        _, state = self.chain.state()
        return found_launches(self.chain.calendar, state.slot, state.launched, past)

    def find_tokens(self, names: Collection[str]) -> dict[str, Token]:
        """Return, by name, those tokens of launches announced so far that have one of the mints or symbols."""
        if not self.chain.calendar.every:
            return {}
        slot = self.chain.slot()
        found = {name: self.chain.calendar.named(name, slot) for name in names}
        return {name: launch.token for name, launch in found.items() if launch}

    def closed(self, names: Collection[str]) -> set[str]:
        """Return those of mints and symbols whose token has closed: by its slot, whatever the setting is by now."""
        slot = self.chain.slot()
        found = {name: named_launch(self.chain.seed, name, slot) for name in names}
        return {name for name, launch in found.items() if launch and launch.close_slot <= slot}

    def reference_prices(self) -> Mapping[str, Decimal]:
        """Return the prices that the market opened with."""
        return OPENING_PRICES

    def beat(self, is_needed: Callable[[], bool]) -> bool:
        """Return whether a heartbeat makes a slot now. Stop the clock where nothing needs it."""
        demand, makes_slot = self.chain.clock.beat()
        if not is_needed() and self.chain.clock.stop(demand):
            return False
        return makes_slot

    def produce_blocks(self, orders: Sequence[Order], *, beat: bool = False) -> list[Order]:
        """Execute the transactions that have no result yet; return all orders of `orders` that have one now.

        Blocks are committed only on top of the state that they were computed from, so of two producers one wins and the
        other raises RetryableError; when it tries again it finds the winner's results. A transaction that has its
        result is not executed again, and one that the chain does not know (any longer) is not executed at all. What is
        returned outlives any failover. At a `beat` a slot passes in any case.
        """
        waiting, executed = self.chain.arrived(orders)
        if waiting or beat:
            self._produce(waiting, least_slots=int(beat), beat=beat)
        with_result = [*waiting, *executed]
        self._replication.wait_for(transaction_executed(order.signature) for order in with_result)
        return with_result

    def advance(self, slots: int, is_needed: Callable[[], bool]) -> int:
        """Let so many slots pass by hand, each with a block of its own; return the slot that was reached.

        While something needs it each block has a tick. Where another block comes first, the slot passes after that one.
        """
        self.beat(is_needed)
        passed = slot = 0
        while passed < slots:
            with suppress(RetryableError):
                slot = self._produce((), least_slots=1)
                passed += 1
        return slot

    @property
    def confirmed_in_ms(self) -> int:
        """How long after its block a transaction counts as confirmed, in real milliseconds."""
        return self.latency.scaled(SLOTS_TO_CONFIRM * SLOT_MS)

    @cached_property
    def _quotes(self) -> "Quotes":
        # Imported only here: only the functions that route or quote need the router.
        from orderflow.venues.mock.quotes import Quotes

        return Quotes(self.chain, self.latency)

    def _produce(self, orders: Sequence[Order], *, least_slots: int, beat: bool = False) -> int:
        """Produce and commit blocks on the latest one; return the slot after them.

        Raises RetryableError when another was committed meanwhile.
        """
        from orderflow.venues.mock.chain import produce

        block, state = self.chain.state()
        blocks = produce(
            self.chain.seed,
            state,
            orders,
            self._landing_slot,
            self.chain.now_ms(),
            least_slots=least_slots,
            script=self._script,
            launch_every=self.chain.calendar.every,
        )
        if not self.chain.commit(block, blocks, beat=beat):
            raise RetryableError(f"block {block + 1} was produced by another, or came too late")
        return blocks.after.slot

    def _prepare(self, order: Order, chain_now_ms: int) -> Prepared:
        route = order.chosen_route
        ready_in_ms = self.latency.scaled(self.latency.build_ms(route.slot, order.request))
        return Prepared(
            instructions_for(route),
            route.slot + BLOCKHASH_VALID_SLOTS,
            chain_now_ms + ready_in_ms + self.latency.blockhash_valid_ms(),
            ready_in_ms,
        )

    def _landing_ms(self, order: Order) -> int:
        landing = self.latency.landing(order.chosen_route.slot, order.request)
        return self.latency.scaled(landing.slots * SLOT_MS)

    def _landing_slot(self, order: Order) -> int:
        return self.latency.landing_slot(order.chosen_route.slot, order.request, VENUES)


def transaction_sent(signature: Signature) -> ReplicatedWrite:
    """Return what sending a transaction has left: its result, still empty or not."""
    return ReplicatedWrite(CHAIN, result_key(signature))


def transaction_executed(signature: Signature) -> ReplicatedWrite:
    """Return what executing a transaction, or giving it up, has left: its result."""
    return ReplicatedWrite(CHAIN, result_key(signature), least=1)
