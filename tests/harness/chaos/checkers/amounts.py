"""Checks how much of each order was executed: never more than it is over; and how large those are that it made."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from orderflow.domain.status import Status
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.contents import FillRow, LedgerContents, OrderRow
from tests.harness.chaos.history.posts import Post


def filled_within_amount(ledger: LedgerContents) -> Invariant:
    """An order's fills come to what it says is filled: all of it when confirmed, and never more than its amount."""
    invariant = Invariant("fills are within the order's amount", len(ledger.orders))
    fills: dict[str, list[FillRow]] = defaultdict(list)
    for fill in ledger.fills:
        fills[fill.order_id].append(fill)
    for order in ledger.orders:
        # A schedule's fills are those of its slices.
        if order.order_type != "twap":
            invariant.violations += [f"{order.order_id} {fault}" for fault in _faults(order, fills[order.order_id])]
    return invariant


def _faults(order: OrderRow, fills: Sequence[FillRow]) -> Iterator[str]:
    sold = sum(fill.amount_in for fill in fills if fill.token_in == order.token_in)
    received = sum(fill.amount_out for fill in fills if fill.token_out == order.token_out)
    if sold > order.amount_in:
        yield f"is over {order.amount_in} and has fills of {sold}"
    if order.status == Status.CONFIRMED and sold != order.amount_in:
        yield f"is confirmed over {order.amount_in} with fills of {sold}"
    if order.waits and sold != (order.amount_filled or 0):
        yield f"says that {order.amount_filled} are filled and has fills of {sold}"
    if received != (order.amount_out or 0):
        yield f"says that it has received {order.amount_out} and has fills of {received}"


def one_leg_fires(posts: Sequence[Post], ledger: LedgerContents) -> Invariant:
    """An order with two legs is executed once: all its fills are of one transaction."""
    twice = {order_id for post in posts if post.order_type == "oco" for order_id in post.order_ids}
    twice |= {order.order_id for order in ledger.orders if order.order_type == "oco"}
    signatures: dict[str, set[str]] = defaultdict(set)
    for fill in ledger.fills:
        signatures[fill.order_id].add(fill.tx_hash)
    return Invariant(
        "an oco fills at most once",
        len(twice),
        [
            f"{order_id} was filled by {len(signatures[order_id])} transactions"
            for order_id in sorted(twice)
            if len(signatures[order_id]) > 1
        ],
    )


def slices_within_parent(ledger: LedgerContents) -> Invariant:
    """The slices of an order are numbered 1 to n, and those that were executed come to what it says is filled."""
    parents = {order.order_id: order for order in ledger.orders if order.order_type == "twap"}
    invariant = Invariant("slices come to what their order says", len(parents))
    slices: dict[str, list[OrderRow]] = defaultdict(list)
    for order in ledger.orders:
        if order.slice is not None and order.parent_id is not None:
            slices[order.parent_id].append(order)
    invariant.violations += [f"{parent_id} has slices and is no twap" for parent_id in slices.keys() - parents.keys()]
    for order_id, parent in parents.items():
        of_parent = slices[order_id]
        numbers = sorted(each.slice or 0 for each in of_parent)
        if numbers != list(range(1, len(numbers) + 1)):
            invariant.violations.append(f"{order_id} has the slices {numbers}")
        confirmed = [each for each in of_parent if each.status == Status.CONFIRMED]
        sold, received = (sum(getattr(each, name) or 0 for each in confirmed) for name in ("amount_in", "amount_out"))
        if sold > parent.amount_in or sold != (parent.amount_filled or 0):
            invariant.violations.append(
                f"{order_id} is over {parent.amount_in}, says that {parent.amount_filled} are filled, and has slices of"
                f" {sold}"
            )
        if received != (parent.amount_out or 0):
            invariant.violations.append(
                f"{order_id} says that it has received {parent.amount_out}, its slices {received}"
            )
        if parent.status == Status.CONFIRMED and sold != parent.amount_in:
            invariant.violations.append(f"{order_id} is confirmed over {parent.amount_in} with slices of {sold}")
    return invariant


def exits_sell_what_was_received(posts: Sequence[Post], ledger: LedgerContents) -> Invariant:
    """An order with exits has one child when it is confirmed, over the atoms that it has received; otherwise none."""
    orders = {order.order_id: order for order in ledger.orders}
    children: dict[str, list[OrderRow]] = defaultdict(list)
    for order in ledger.orders:
        if order.parent_id is not None and order.slice is None:
            children[order.parent_id].append(order)
    invariant = Invariant("exits sell what was received")
    with_exits: dict[str, Mapping[str, object]] = {
        order_id: exits
        for post in posts
        if isinstance(exits := post.conditions.get("then"), Mapping)
        for order_id in post.order_ids
    }
    for order_id in with_exits.keys() & orders.keys():
        order, exits = orders[order_id], with_exits[order_id]
        invariant.checked += 1
        made = [(each.order_type, each.token_in, each.token_out, each.amount_in) for each in children[order_id]]
        expected = [(_type_of(exits), order.token_out, order.token_in, order.amount_out)]
        if made != (expected if order.status == Status.CONFIRMED else []):
            invariant.violations.append(
                f"{order_id} is {order.status}, has received {order.amount_out} and made {made}"
            )
    posted = {order_id for post in posts for order_id in post.order_ids}
    invariant.violations += [
        f"{order_id} has a child that nobody asked for"
        for order_id in sorted(children.keys() & posted - with_exits.keys())
    ]
    return invariant


def _type_of(exits: Mapping[str, object]) -> str:
    rules = [rule for rule in ("take_profit", "stop_loss") if rule in exits]
    return "oco" if len(rules) > 1 else rules[0]
