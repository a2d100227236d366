"""What a launch must be for an order to buy it."""

import pytest

from orderflow.domain.launches import LaunchFilters, Snipe, launch_book
from orderflow.domain.resting import BEFORE_ANY_SLOT, Marks, place_of
from orderflow.domain.status import Status
from tests.support.launches import MINT, make_launch, make_sniper, make_sniper_request


@pytest.mark.parametrize(
    ("filters", "refusal"),
    [
        (LaunchFilters(), None),
        (LaunchFilters(lp_burned=True), "filter lp_burned: required true, pool has false"),
        (LaunchFilters(lp_burned=False), None),
        (LaunchFilters(mint_renounced=True), None),
        (LaunchFilters(mint_renounced=False), "filter mint_renounced: required false, pool has true"),
        (LaunchFilters(freezable=True), "filter freezable: required true, pool has false"),
        (LaunchFilters(max_top10_bps=2_500), None),
        (LaunchFilters(max_top10_bps=2_499), "filter max_top10_bps: at most 2499, pool has 2500"),
        (LaunchFilters(min_liquidity=10_000_000_000), None),
        (
            LaunchFilters(min_liquidity=10_000_500_000),
            "filter min_liquidity: at least 10000.5, pool has 10000 USDC",
        ),
        (LaunchFilters(venue="raydium"), None),
        (LaunchFilters(venue="meteora"), "filter venue: required meteora, pool has raydium"),
        # Of several that it does not pass the first is said.
        (LaunchFilters(lp_burned=True, venue="meteora"), "filter lp_burned: required true, pool has false"),
    ],
)
def test_a_launch_has_to_pass_every_filter(filters: LaunchFilters, refusal: str | None) -> None:
    assert Snipe(MINT, filters).refusal("USDC", make_launch()) == refusal


def test_a_launch_is_bought_with_the_token_that_its_pool_takes() -> None:
    refusal = Snipe(MINT).refusal("USDC", make_launch(quote="SOL"))

    assert refusal == "the pool of MOON0 takes SOL, not USDC"


def test_who_waits_for_a_mint_is_found_by_it_and_who_waits_for_any_launch_by_what_it_pays_with() -> None:
    places = [
        place_of(make_sniper(Status.OPEN, make_sniper_request(mint, priority=priority)), Marks(), BEFORE_ANY_SLOT)
        for mint, priority in ((MINT, "turbo"), (None, "fast"), (None, "normal"))
    ]

    # The higher the priority the earlier its turn.
    assert [dict(place.books) for place in places] == [
        {launch_book(MINT): 0.0},
        {launch_book("USDC"): 1.0},
        {launch_book("USDC"): 2.0},
    ]
    assert {place.look_slot for place in places} == {None}
