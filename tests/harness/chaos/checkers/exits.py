"""Checks the exits of orders that a launch has fired: where they fire, and how much they sell."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from orderflow.domain.tokens import TOKENS
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.checkers.snipes import posted_snipers
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import LedgerContents, OrderRow
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.mock_market import ChainContents

BPS = 10_000
NEAR = Fraction(1, 10**9)
"""A price that has fired an order is kept with fewer digits than it was compared with."""


def exits_fired_as_asked(
    posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents, chain: ChainContents
) -> Invariant:
    """Exits that are given by how far they are from what was paid have fired at a price that is."""
    invariant = Invariant("exits fire as far as asked from what was paid")
    decimals = {launch.token.symbol: launch.token.decimals for launch in chain.launches}
    children = {order.parent_id: order for order in ledger.orders if order.parent_id is not None}
    amended = {change.order_id for change in changes if not change.is_cancel}
    for post, order in posted_snipers(posts, ledger):
        child, exits = children.get(order.order_id), post.conditions.get("then")
        if child is None or not isinstance(exits, Mapping) or amended & {order.order_id, child.order_id}:
            continue
        invariant.checked += 1
        if child.rule is None:
            continue  # it rested to the end
        paid = Fraction(order.amount_in, order.amount_out or 1) * Fraction(10) ** (
            decimals[order.token_out] - TOKENS[order.token_in].decimals
        )
        if not _meets(child, exits.get(child.rule), paid):
            invariant.violations.append(
                f"{child.order_id} was fired by {child.rule} at {child.fired_price}, after {float(paid)} was paid:"
                f" {dict(exits)}"
            )
    return invariant


def _meets(child: OrderRow, asked: Mapping[str, Any] | None, paid: Fraction) -> bool:
    if asked is None or child.fired_price is None:
        return False
    at = paid * (BPS + asked.get("gain_bps", 0) - asked.get("loss_bps", 0)) / BPS
    fired = Fraction(child.fired_price)
    is_beyond: bool = fired > at if "gain_bps" in asked else fired < at
    return is_beyond or abs(fired - at) <= at * NEAR


def sold_within_bought(ledger: LedgerContents, chain: ChainContents) -> Invariant:
    """Of a token that was launched no more is sold than was bought."""
    launched = {launch.token.symbol for launch in chain.launches}
    left: Counter[str] = Counter()
    for fill in ledger.fills:
        if fill.token_out in launched:
            left[fill.token_out] += fill.amount_out
        if fill.token_in in launched:
            left[fill.token_in] -= fill.amount_in
    found = [f"{-atoms} atoms of {token} more were sold than bought" for token, atoms in left.items() if atoms < 0]
    return Invariant("no more of a launched token is sold than was bought", len(left), found)
