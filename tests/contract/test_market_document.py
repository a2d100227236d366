"""What the documents say of the market, its numbers and names, against the code that they describe."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from orderflow.domain.pools import POOL_TYPES, Dlmm
from orderflow.domain.pools.dlmm_math import MAX_FEE_RATE
from orderflow.domain.router.choice import LEG_COST_USD
from orderflow.domain.router.network import MAX_HOPS
from orderflow.domain.router.rebalance import PROOF
from orderflow.domain.ticks import SLOT_MS
from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock import arbitrage, background, crowd, latency, launches, providers, universe
from orderflow.venues.mock.dlmm_opening import NARROW

ROOT = Path(__file__).parents[2]
README, GLOSSARY, MARKET = (
    " ".join((ROOT / name).read_text(encoding="utf-8").split())
    for name in ("README.md", "docs/glossary.md", "docs/market.md")
)
POOLS = universe.opening_pools(seed=1)
BINS = next(pool for pool in POOLS if isinstance(pool, Dlmm))
WORDS = {12: "Twelve", 3: "three", 4: "four", 5: "five", 6: "six"}
SHARES = [round(100 * (high - low)) for low, high in pairwise([0.0, *(share for share, _ in latency._LANDING)])]

NUMBERS = {
    "tokens": f"{WORDS[len(TOKENS)]} tokens, {len(list(universe.pairs()))} pairs",
    "pools": f"{len(POOLS)} pools:",
    "deep": f"SOL/USDC | ${universe._DEEP[0]:,} – {universe._DEEP[1]:,}",
    "stable": f"USDT/USDC | ${universe._STABLE[0]:,} |",
    "meme": f"BONK, WIF | ${universe._MEME[0]:,} – {universe._MEME[1]:,}",
    "major": f"any other | ${universe._MAJOR[0]:,} – {universe._MAJOR[1]:,}",
    "opening": f"opens within {(100 * universe._MOST_OPENING_GAP).normalize()} %",
    "largest fee": f"at most 10⁸ ({100 * MAX_FEE_RATE // 10**9} %)",
    "parameters": f"step {NARROW.bin_step}, base factor {NARROW.base_factor:,}, control {NARROW.control:,}, filter and"
    f" decay period {NARROW.filter_period_s} and {NARROW.decay_period_s} s, reduction {NARROW.reduction_factor:,}, max"
    f" va {NARROW.max_va:,}, protocol share {NARROW.protocol_share:,}",
    "slot": f"A slot is {SLOT_MS} ms",
    "noise": f"in one of {round(1 / background._NOISE_A_SLOT)} slots, for ${background._NOISE_MEDIAN_USD:.0f} at the"
    f" median (log-normal, σ = {background._NOISE_SIGMA})",
    "jump": f"by a standard deviation of {100 * background._JUMP_SIZE:.1f} %",
    "arbitrage": f"takes more than ${arbitrage.LEAST_ARBITRAGE_USD:.0f}",
    "providers": f"look once in {providers.LOOK_EVERY} slots",
    "off centre": f"({len(BINS.bins_x) // 2 // providers._FAR} bins)",
    "quote": f"log-normal, {latency.QUOTE_MEDIAN_MS} ms at the median",
    "deadline": f"deadline for quotes | {latency.QUOTE_DEADLINE_MS} ms",
    "build": f"log-normal, {latency.BUILD_MEDIAN_MS} ms at the median, σ = {latency._BUILD_SIGMA}",
    "landing": f"1, 2, 3 or 4 slots, with {SHARES[0]}, {SHARES[1]}, {SHARES[2]} and {SHARES[3]} %",
    "resend": f"{latency.RESEND_SLOTS} slots more, then it is sent again",
    "confirmation": f"from landing on | {latency.SLOTS_TO_CONFIRM} slots",
    "validity": f"{latency.BLOCKHASH_VALID_SLOTS} slots from the quote's slot, and"
    f" {latency.BLOCKHASH_VALID_SLOTS * SLOT_MS // 1000} s",
    "fee": f"{latency.SIGNATURE_FEE:,} lamports for the signature, and a priority fee, log-normal with"
    f" {latency.PRIORITY_FEE_MEDIAN:,} at the median",
    "launch": f"{launches.OPENS_AFTER[0]} – {launches.OPENS_AFTER[1]} slots after its announcement",
    "launched liquidity": f"with ${launches._LIQUIDITY_USD[0]:,} – {launches._LIQUIDITY_USD[1]:,} of that",
    "crowd": f"for {crowd.CROWD_SLOTS} slots from the next one on it buys for {100 * crowd._SHARE[0]:.0f} –"
    f" {100 * crowd._SHARE[1]:.0f} % of",
    "close": f"{launches.OPEN_SLOTS:,} slots (an hour) after it opened",
    "turbo": f"`turbo` | {latency.PRIORITIES['turbo'].tip:,} | 90 and 10 %",
    "fast": f"`fast` | {latency.PRIORITIES['fast'].tip:,} | 65, 25 and 10 %",
    "normal": f"`normal` | {latency.PRIORITIES['normal'].tip:,} | 35, 40, 15 and 10 %",
    "hops": f"up to {WORDS[MAX_HOPS]} hops",
    "leg cost": f"less than ${LEG_COST_USD}",
    "proof": f"less than a {'hundredth' if PROOF == 1e-6 else PROOF} of a basis point",
}


@pytest.mark.parametrize("what", NUMBERS)
def test_a_number_is_the_code_s(what: str) -> None:
    assert NUMBERS[what] in MARKET


def test_the_readme_counts_tokens_pools_and_types() -> None:
    assert f"{WORDS[len(TOKENS)]} tokens, {len(POOLS)} pools of {WORDS[len(POOL_TYPES)]} types" in README


def test_the_readme_and_the_glossary_name_every_venue_and_program() -> None:
    (mock,) = re.findall(r"the market is a mock of ([\w, ]+), simulated", README)
    (venues,) = re.findall(r"gives a quote of its own: here ([\w, ]+) \|", GLOSSARY)
    (programs,) = re.findall(r"computes a type of pool: ([`\w, ]+) \|", GLOSSARY)

    assert sorted(re.split(", | and ", mock.lower())) == list(universe.VENUES)
    assert sorted(re.split(", | and ", venues.lower())) == list(universe.VENUES)
    assert set(re.findall(r"\w+", programs)) == set(POOL_TYPES)


def test_the_pools_of_each_program_are_counted() -> None:
    rows = re.findall(r"\| `(\w+)` \| (\w+) \| (\d+)", MARKET)

    counted = Counter((str(pool.__struct_config__.tag), pool.venue) for pool in POOLS)
    assert {(program, venue.lower()): int(count) for program, venue, count in rows} == counted


def test_every_token_moves_as_much_as_it_does() -> None:
    said = {
        token: float(share) / 100
        for share, tokens in re.findall(r"([\d.]+) % \(([A-Z, ]+)\)", MARKET)
        for token in tokens.split(", ")
    }

    assert said == background._VOLATILITY
