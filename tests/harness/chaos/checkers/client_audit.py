"""Checks what clients were answered to their posts, and what they received on their sockets, against the ledger."""

from collections import defaultdict
from collections.abc import Sequence

from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.contents import LedgerContents
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.sightings import Sightings


def posted_once(posts: Sequence[Post], ledger: LedgerContents) -> Invariant:
    """A post that was accepted, or that has a key, is one order: the one that its answers name.

    A post without a key and without an answer may be an order or not. Orders that nobody posted are not there.
    """
    invariant = Invariant("one post, or one key, is one order", len(posts))
    rows: dict[Identity, list[str]] = defaultdict(list)
    for order in ledger.orders:
        rows[Identity(order.token_in, order.token_out, order.amount_in)].append(order.order_id)
    for post in posts:
        made = rows.pop(post.identity, [])
        name = f"the post with key {post.key}" if post.key else f"the post of {post.identity}"
        if len(post.order_ids) > 1:
            invariant.violations.append(f"{name} was answered with {sorted(post.order_ids)}")
        if post.key and not post.sure:
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


def repeats(seen: Sequence[Sightings]) -> int:
    """Return how many statuses came again on a connection that had asked only once."""
    return sum(
        len(received) - len(set(received))
        for sightings in seen
        if not sightings.asked_again
        for received in sightings.connections
    )
