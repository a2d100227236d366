"""Which requests would fit now, in turn: what each would receive behind those before it, on a scratch copy of pools."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.router.choice import BestOver, best_over, choose_route
from orderflow.domain.router.execute import run_legs
from orderflow.domain.router.fit import fit, traded
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import paid_out
from orderflow.domain.venue import Alike
from orderflow.errors import RejectedError, ZeroOutputError
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import VENUES
from tests.support.builders import amm_v4, market

NOW_S = chain_seconds(0)
SOL_USDC = OrderRequest("SOL", "USDC", 12_500_000_000, "market", 500)
USDC_SOL = OrderRequest("USDC", "SOL", 2_750_000_000, "market", 500)
AT_219 = 2_737_500_000
"""What 12.5 SOL pay at 219 USDC."""


def view(pools: Sequence[Pool] = ()) -> MarketView:
    return MarketView(pools or market().values(), NOW_S, OPENING_PRICES)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[OrderRequest]:
    """The requests for which a plan was computed."""
    requests: list[OrderRequest] = []

    def noted(view: MarketView, request: OrderRequest, answered: Sequence[str], venues: Sequence[str]) -> BestOver:
        requests.append(request)
        return best_over(view, request, answered, venues)

    monkeypatch.setattr("orderflow.domain.router.fit.best_over", noted)
    return requests


@pytest.mark.parametrize(
    ("reserves", "paid", "fits"),
    [
        # The price before the trade is 220, and 219.45 with the fee; a trade of this size gets less.
        ((10**12, 220_000 * 10**6), 2_709_342_880, False),
        ((994_811_908_619, 221_147_332_570), AT_219, True),
        ((994_811_908_620, 221_147_332_569), AT_219 - 1, False),
    ],
)
def test_a_minimum_is_met_to_the_atom(reserves: tuple[int, int], paid: int, fits: bool) -> None:
    first, second = fit(view([amm_v4(*reserves)]), [SOL_USDC, SOL_USDC], [AT_219, AT_219], VENUES)

    assert first == paid
    # Only one that fits leaves less to the next.
    assert isinstance(second, int)
    assert (second < paid) == fits


def test_one_that_does_not_receive_its_minimum_changes_nothing() -> None:
    [alone] = fit(view(), [SOL_USDC], [0], VENUES)
    assert isinstance(alone, int)

    assert fit(view(), [SOL_USDC, USDC_SOL, SOL_USDC], [alone + 1, 10**18, alone], VENUES)[::2] == [alone, alone]


def test_a_request_without_a_route_gets_the_reason_and_changes_nothing() -> None:
    too_small, no_pool = OrderRequest("SOL", "USDC", 1, "market", 500), OrderRequest("JUP", "WIF", 1, "market", 500)

    small, none, whole = fit(view([amm_v4()]), [too_small, no_pool, SOL_USDC], [0, 0, 0], VENUES)

    assert isinstance(small, ZeroOutputError)
    assert isinstance(none, RejectedError)
    assert [whole] == fit(view([amm_v4()]), [SOL_USDC], [0], VENUES)


@st.composite
def requests(draw: st.DrawFn) -> OrderRequest:
    """Small, ordinary and large requests; some are equal."""
    token_in, token_out = draw(st.sampled_from([("SOL", "USDC"), ("USDC", "SOL"), ("SOL", "JUP"), ("JUP", "WIF")]))
    amount_in = draw(st.sampled_from([5 * 10**7, 10**10, 10**12]))
    return OrderRequest(token_in, token_out, amount_in, "market", 500)


@given(
    st.lists(st.tuples(requests(), st.booleans()), max_size=6),
    st.lists(st.tuples(requests(), st.integers(1, 5)), max_size=3),
)
def test_each_receives_what_its_route_pays_on_the_pools_that_those_before_it_leave(
    asked: list[tuple[OrderRequest, bool]], behind: list[tuple[OrderRequest, int]]
) -> None:
    pools: dict[str, Pool] = dict(market())
    promised: list[int | None] = []
    routes = {request: choose_route(view(), 0, request, VENUES, VENUES, 0).legs for request, _ in [*asked, *behind]}
    for request, times in behind:
        legs = [msgspec.structs.replace(leg, amount_in=leg.amount_in * times) for leg in routes[request]]
        with discarding():
            pools |= run_legs(legs, pools, NOW_S)[1]
    for request, fits in asked:
        try:
            fills, after = run_legs(routes[request], pools, NOW_S)
        except RejectedError:
            promised.append(None)
            continue
        promised.append(paid_out(fills, request.token_out))
        pools |= after if fits else {}

    minimums = [(out or 0) + (not fits) for out, (_, fits) in zip(promised, asked, strict=True)]

    received = fit(view(), [request for request, _ in asked], minimums, VENUES, [Alike(*each) for each in behind])
    assert [paid if isinstance(paid, int) else None for paid in received] == promised


@contextmanager
def discarding() -> Iterator[None]:
    """Leave out an example in which the pools can't take what comes first."""
    try:
        yield
    except RejectedError:
        assume(False)


@given(requests())
def test_the_first_receives_what_a_quote_promises(request: OrderRequest) -> None:
    promised = choose_route(view(), 0, request, VENUES, VENUES, 0).expected_out

    assert fit(view(), [request], [0], VENUES) == [promised]


def test_no_more_small_ones_fit_than_the_one_pool_takes_that_all_of_them_are_routed_to() -> None:
    small = OrderRequest("SOL", "USDC", 455_000_000, "market", 500)
    [leg] = choose_route(view(), 0, small, VENUES, VENUES, 0).legs
    least = leg.amount_out * 99 // 100
    pools, taken = dict(market()), 0
    while (result := run_legs([leg], pools, NOW_S))[0][0].amount_out >= least:
        pools, taken = pools | result[1], taken + 1

    received = fit(view(), [small] * 2 * taken, [least] * 2 * taken, VENUES)

    assert sum(isinstance(paid, int) and paid >= least for paid in received) == taken
    assert fit(view(), [small], [least], VENUES, [Alike(small, taken)]) == [received[taken]]


def test_where_the_pools_can_not_take_what_comes_first_nothing_of_its_pair_fits() -> None:
    pools = [amm_v4(10**12, 220_000 * 10**6)]
    too_much = Alike(OrderRequest("SOL", "USDC", 10**18, "market", 0), 20)

    sold, bought = fit(view(pools), [SOL_USDC, USDC_SOL], [0, 0], VENUES, [too_much])

    assert isinstance(sold, RejectedError)
    assert [bought] == fit(view(pools), [USDC_SOL], [0], VENUES)


def test_a_view_in_which_others_have_traded_is_as_before_in_the_end() -> None:
    seen = view()
    before = choose_route(seen, 0, SOL_USDC, VENUES, VENUES, 0)
    [first, second] = fit(view(), [SOL_USDC] * 2, [0] * 2, VENUES)

    with traded(seen, [Alike(SOL_USDC, 1)], VENUES):
        [behind] = fit(seen, [SOL_USDC], [0], VENUES)
        largest = choose_route(seen, 0, SOL_USDC, VENUES, VENUES, 0).expected_out
    with pytest.raises(KeyError), traded(seen, [Alike(SOL_USDC, 1)], VENUES):
        raise KeyError

    assert first == before.expected_out > largest == behind >= second  # type: ignore[operator]
    assert {address: seen.pool(address) for address in market()} == market()
    assert choose_route(seen, 0, SOL_USDC, VENUES, VENUES, 0) == before


def test_a_view_is_as_before_and_keeps_the_curves_of_the_pools_that_nobody_traded_with() -> None:
    seen, fresh = view(), view()
    before = choose_route(seen, 0, SOL_USDC, VENUES, VENUES, 0)
    untouched = seen.pair("RAY", "USDC")

    fit(seen, [SOL_USDC] * 6, [0] * 6, VENUES)

    assert {address: seen.pool(address) for address in market()} == market()
    assert choose_route(seen, 0, SOL_USDC, VENUES, VENUES, 0) == before
    assert choose_route(seen, 0, USDC_SOL, VENUES, VENUES, 0) == choose_route(fresh, 0, USDC_SOL, VENUES, VENUES, 0)
    assert seen.pair("RAY", "USDC") is untouched


def test_a_view_is_as_before_when_an_error_ends_it() -> None:
    seen = view()

    with pytest.raises(ValueError, match="an amount must be"):
        fit(seen, [SOL_USDC, OrderRequest("SOL", "USDC", -1, "market", 500)], [0, 0], VENUES)

    assert {address: seen.pool(address) for address in market()} == market()


def test_of_equal_requests_one_route_is_computed(computed: list[OrderRequest]) -> None:
    received = fit(view(), [SOL_USDC] * 20, [0] * 20, VENUES)

    assert len(set(received)) == 20
    assert computed == [SOL_USDC]


def test_requests_that_differ_in_more_than_the_swap_share_a_quote(computed: list[OrderRequest]) -> None:
    careful = OrderRequest("SOL", "USDC", SOL_USDC.amount_in, "market", 10)
    smaller = OrderRequest("SOL", "USDC", SOL_USDC.amount_in - 1, "market", 500)

    fit(view(), [SOL_USDC, careful, smaller, USDC_SOL, SOL_USDC], [10**18] * 5, VENUES)

    assert computed == [SOL_USDC, smaller, USDC_SOL]
