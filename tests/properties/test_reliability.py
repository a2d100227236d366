"""How often orders fail on the market as it is by default: hardly ever."""

from random import Random

from orderflow.domain.execution import Execution
from orderflow.domain.instructions import instructions_for
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.ticks import SLOT_MS
from orderflow.domain.tokens import TOKENS
from orderflow.domain.venue import Quoted
from orderflow.venues.mock.chain import produce
from orderflow.venues.mock.latency import BLOCKHASH_VALID_SLOTS, SLOTS_TO_CONFIRM, Latency
from orderflow.venues.mock.quotes import Quotes
from orderflow.venues.mock.signer import sign
from orderflow.venues.mock.universe import VENUES
from tests.support.builders import NOW_MS, make_order, market_state, nth_id
from tests.support.fakes.chain import FakeChain

SYMBOLS = sorted(TOKENS)


class Market:
    """The market and its quotes without the pipeline between them."""

    def __init__(self, seed: int) -> None:
        self.latency = Latency(seed, speed=0)
        self.chain = FakeChain()
        self.quotes = Quotes(self.chain, self.latency)
        self.seed = seed
        self.orders = 0
        self.took_ms: list[float] = []

    def execute(self, requests: list[OrderRequest]) -> list[Execution]:
        """Return what becomes of orders that are routed at the same moment."""
        orders = [self._submitted(request) for request in requests]
        blocks = produce(self.seed, self.chain.latest, orders, self._landing_slot, NOW_MS)
        self.chain.commit(len(self.chain.blocks), blocks)
        return list(blocks.executions)

    def _submitted(self, request: OrderRequest) -> Order:
        (quoted,) = self.quotes.quote([request], indicative=False)
        assert isinstance(quoted, Quoted)
        route = quoted.route
        self.orders += 1
        order = make_order(request=request, order_id=nth_id(self.orders)).choose_route(route, NOW_MS)
        last_slot = route.slot + BLOCKHASH_VALID_SLOTS
        built = order.build(instructions_for(route), last_slot, NOW_MS + 60_000, NOW_MS)
        self.took_ms.append(
            self.latency.quotes(route.slot, request, VENUES).wait_ms
            + self.latency.build_ms(route.slot, request)
            + (self.latency.landing(route.slot, request).slots + SLOTS_TO_CONFIRM) * SLOT_MS
        )
        return built.submit(sign(built), NOW_MS)

    def _landing_slot(self, order: Order) -> int:
        return self.latency.landing_slot(order.chosen_route.slot, order.request, VENUES)


def request_for(
    token_in: str, token_out: str, dollars: float, market: Market, *, slippage_bps: int = 500
) -> OrderRequest:
    atoms = int(dollars / market.chain.latest.fair[token_in] * 10 ** TOKENS[token_in].decimals)
    return OrderRequest(token_in, token_out, atoms, "market", slippage_bps)


def test_at_least_99_of_100_ordinary_orders_confirm_within_five_seconds() -> None:
    market, random = Market(seed=1), Random(1)
    executions: list[Execution] = []

    while market.orders < 1_000:
        # Mostly alone, now and then a few at the same moment.
        batch = []
        for _ in range(random.choice([1, 1, 1, 4])):
            token_in, token_out = random.sample(SYMBOLS, 2)
            batch.append(request_for(token_in, token_out, 10 * 500 ** random.random(), market))
        executions += market.execute(batch)

    confirmed = [execution for execution in executions if execution.error is None]
    assert len(executions) == market.orders
    assert len(confirmed) >= 0.99 * len(executions), {execution.error for execution in executions}
    assert sum(milliseconds > 5_000 for milliseconds in market.took_ms) <= 0.01 * len(executions)


def test_an_order_of_500_dollars_with_one_per_cent_slippage_on_sol_usdc_fails_in_less_than_1_of_200_cases() -> None:
    market, random = Market(seed=3), Random(3)
    executions: list[Execution] = []

    for _ in range(1_200):
        token_in, token_out = random.sample(["SOL", "USDC"], 2)
        executions += market.execute([request_for(token_in, token_out, 500, market, slippage_bps=100)])

    failed = [execution.error for execution in executions if execution.error is not None]
    assert len(failed) < 0.005 * len(executions), failed


def test_the_market_price_moves_meanwhile_so_that_a_tight_limit_would_fail() -> None:
    # Without this, the two tests above could hold because nothing ever happens.
    market = Market(seed=1)
    opening: dict[str, Pool] = market_state().pools
    expected: list[int] = []
    got: list[int] = []

    for _ in range(200):
        request = request_for("WIF", "USDC", 5_000, market)
        (quoted,) = market.quotes.quote([request], indicative=False)
        assert isinstance(quoted, Quoted)
        (execution,) = market.execute([request])
        expected.append(quoted.route.expected_out)
        got.append(execution.amount_out)

    moves = [after / before - 1 for before, after in zip(expected, got, strict=True)]
    assert min(moves) < 0 < max(moves)
    assert sum(move != 0 for move in moves) > 10
    assert min(moves) > -0.05
    assert market.chain.latest.pools != opening
