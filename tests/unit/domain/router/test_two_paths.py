"""An amount divided between two paths: where they part and meet, and that no other division pays more."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orderflow.domain.pools import Pool
from orderflow.domain.router.network import Network, Path, topology
from orderflow.domain.router.two_paths import Fork, divide, follow, fork_of
from tests.support.builders import amm_v4
from tests.support.router_pools import amounts, any_pools, bins, most_by_golden_sections, named, view_of

HOPS = [("SOL", "JUP"), ("SOL", "WIF"), ("JUP", "WIF"), ("WIF", "JUP"), ("JUP", "USDC"), ("WIF", "USDC")]
"""All swaps on the way from SOL to USDC by JUP and WIF."""


def number_of(*hops: tuple[str, str]) -> Path:
    """Return a path by the numbers that the topology of all these hops gives them."""
    return tuple(MARKET.directions.index(hop) for hop in hops)


MARKET = topology(frozenset(HOPS), "SOL", "USDC")
BY_JUP = number_of(("SOL", "JUP"), ("JUP", "USDC"))
BY_WIF = number_of(("SOL", "WIF"), ("WIF", "USDC"))
BY_JUP_AND_WIF = number_of(("SOL", "JUP"), ("JUP", "WIF"), ("WIF", "USDC"))
BY_WIF_AND_JUP = number_of(("SOL", "WIF"), ("WIF", "JUP"), ("JUP", "USDC"))


@pytest.mark.parametrize(
    ("one", "other", "fork"),
    [
        (BY_JUP, BY_WIF, Fork((), BY_JUP, BY_WIF, ())),
        (BY_JUP, BY_JUP_AND_WIF, Fork(BY_JUP[:1], BY_JUP[1:], BY_JUP_AND_WIF[1:], ())),
        (BY_WIF, BY_JUP_AND_WIF, Fork((), BY_WIF[:1], BY_JUP_AND_WIF[:2], BY_WIF[1:])),
        (BY_JUP_AND_WIF, BY_WIF_AND_JUP, None),
    ],
)
def test_two_paths_part_once_and_meet_once_or_are_no_fork(one: Path, other: Path, fork: Fork | None) -> None:
    assert fork_of(MARKET, one, other) == fork


@st.composite
def forks(draw: st.DrawFn) -> tuple[Network, Fork]:
    """Two paths that may share a hop, over one or two pools of any type for each hop."""
    pools: list[Pool] = []
    for first, second in [("SOL", "JUP"), ("SOL", "WIF"), ("JUP", "WIF"), ("JUP", "USDC"), ("WIF", "USDC")]:
        names = [f"{first}-{second}", f"{first}-{second} again"][: draw(st.integers(1, 2))]
        pools += [draw(any_pools(name, (first, second))) for name in names]
    network = view_of(pools).network("SOL", "USDC")
    one, other = draw(st.permutations(network.topology.paths))[:2]
    fork = fork_of(network.topology, one, other)
    assume(fork is not None)
    assert fork is not None
    return network, fork


@given(forks(), amounts)
@settings(max_examples=200, deadline=None)
def test_no_other_division_pays_more(market: tuple[Network, Fork], amount: int) -> None:
    network, fork = market
    division = divide(network, fork, amount)
    assume(division is not None)
    assert division is not None

    most = most_by_golden_sections(lambda part: Fraction(paid(network, fork, amount, float(part / amount))), amount)

    assert 0 <= division.share <= 1
    assert division.paid == pytest.approx(paid(network, fork, amount, division.share), rel=1e-9)
    assert division.paid >= most * (1 - 1e-7)
    assert sum(part for _, part in division.parts) == pytest.approx(amount)


def paid(network: Network, fork: Fork, amount: float, share: float) -> float:
    """Return what a division pays when the other path takes a share of what arrives where the two part."""
    arrived = follow(network.pairs, fork.before, amount, {})
    met = follow(network.pairs, fork.one, arrived * (1 - share), {})
    return follow(network.pairs, fork.after, met + follow(network.pairs, fork.other, arrived * share, {}), {})


def test_a_path_of_bins_is_filled_to_the_brim_of_a_bin_and_no_further() -> None:
    # The first bin of the path by JUP pays more than the direct pool, the second less.
    pools = [
        named(amm_v4(10**15, 9_985 * 10**11), "direct"),
        named(amm_v4(10**18, 10**18), "first", ("SOL", "JUP")),
        bins("second", [10**9, 10**9], tokens=("JUP", "USDC")),
    ]
    network = view_of(pools).network("SOL", "USDC")
    direct, by_jup = network.topology.paths
    fork = fork_of(network.topology, direct, by_jup)
    assert fork is not None

    division = divide(network, fork, 10**10)

    assert division is not None
    (_, rest), (_, part) = division.parts
    first, second = (network.pairs[number].curve for number in by_jup)
    assert first.at(part)[0] == pytest.approx(second.room(0.0), rel=1e-9)
    assert rest + part == 10**10


def test_equal_paths_get_half_each() -> None:
    pools = [
        named(amm_v4(10**12, 10**12), f"{one}-{other}", (one, other))
        for one, other in [("SOL", "JUP"), ("SOL", "WIF"), ("JUP", "USDC"), ("WIF", "USDC")]
    ]
    network = view_of(pools).network("SOL", "USDC")
    fork = fork_of(network.topology, *network.topology.paths)
    assert fork is not None

    division = divide(network, fork, 10**10)

    assert division is not None
    assert division.share == pytest.approx(0.5)
    assert division.values(network.topology).keys() == {"SOL", "JUP", "WIF", "USDC"}
