"""Checks what clients were answered to their posts, and what they received on their sockets, against the ledger."""

from collections import defaultdict
from collections.abc import Sequence

from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import LedgerContents
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.sightings import Sightings


def posted_once(posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents) -> Invariant:
    """A post that was accepted, or that has a key, is one order: the one that its answers name.

    A post without a key and without an answer may be an order or not. Orders that nobody posted are not there, but for
    those that another order has made. One whose amount was amended may have either amount.
    """
    invariant = Invariant("one post, or one key, is one order", len(posts))
    rows: dict[Identity, list[str]] = defaultdict(list)
    for order in ledger.orders:
        if order.parent_id is None:
            # What waits for a launch names no token that it buys, but has one once it was fired.
            token_out = "" if order.order_type == "sniper" else order.token_out
            rows[Identity(order.token_in, token_out, order.amount_in)].append(order.order_id)
    amounts = {change.order_id: str(change.fields["amount"]) for change in changes if "amount" in change.fields}
    for post in posts:
        amended = [post.identity.with_amount(amounts[order_id]) for order_id in post.order_ids if order_id in amounts]
        made = [order_id for identity in (post.identity, *amended) for order_id in rows.pop(identity, [])]
        name = f"the post with key {post.key}" if post.key else f"the post of {post.identity}"
        if len(post.order_ids) > 1:
            invariant.violations.append(f"{name} was answered with {sorted(post.order_ids)}")
        if post.too_late and made:
            invariant.violations.append(f"{name} was answered that it is too late and made {made}")
        elif post.key and not (post.sure or post.too_late):
            invariant.violations.append(f"{name} was never accepted")
        if len(made) > 1 or (post.sure and set(made) != post.order_ids):
            invariant.violations.append(f"{name} was answered with {sorted(post.order_ids)} and made {made}")
    invariant.violations += [f"{ids} are in the ledger, and nobody posted them" for ids in rows.values()]
    return invariant


def answered(posts: Sequence[Post]) -> Invariant:
    """Every answer is 202, or 503 with Retry-After."""
    found = [f"{post.identity}: {answer}" for post in posts for answer in post.unexpected]
    return Invariant("answers are 202, or 503 with Retry-After", len(posts), found)


def seen_in_order(seen: Sequence[Sightings], ledger: LedgerContents) -> Invariant:
    """Every watcher received 1 to n of what it watched; on each connection from 1, without gap or step back.

    A status that comes again on a connection is not counted here; see `repeats`.
    """
    invariant = Invariant("a watcher sees every status in order", len(seen))
    last_sequences = {order.order_id: order.sequence for order in ledger.orders}
    for sightings in seen:
        last = last_sequences.get(sightings.order_id, 0)
        found = list(sightings.problems)
        for received in sightings.connections:
            first_times = list(dict.fromkeys(received))
            if first_times != list(range(1, len(first_times) + 1)):
                found.append(f"received {received} on one connection")
        everything = {sequence for received in sightings.connections for sequence in received}
        if last and everything != set(range(1, last + 1)):
            found.append(f"received {sorted(everything)} in all, of {last} (last: {sightings.status or 'nothing'})")
        invariant.violations += [f"the watcher of {sightings.order_id} {fault}" for fault in found]
    return invariant


def seen_as_recorded(seen: Sequence[Sightings], ledger: LedgerContents) -> Invariant:
    """Every status that a watcher received is that of the ledger under its sequence number."""
    recorded = {(event.order_id, event.sequence): event.status for event in ledger.events}
    invariant = Invariant("a status on a socket is that of the ledger", sum(len(each.statuses) for each in seen))
    for sightings in seen:
        invariant.violations += [
            f"{sightings.order_id} was seen as {status} at {sequence}, and was {recorded.get(key)}"
            for sequence, status in sightings.statuses.items()
            if (key := (sightings.order_id, sequence)) and recorded.get(key) != status
        ]
    return invariant


def repeats(seen: Sequence[Sightings]) -> int:
    """Return how many statuses came again on a connection that had asked only once."""
    return sum(
        len(received) - len(set(received))
        for sightings in seen
        if not sightings.asked_again
        for received in sightings.connections
    )
