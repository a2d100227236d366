"""Judges what clients were told, of their posts and on their sockets, against the ledger."""

from collections import defaultdict
from collections.abc import Sequence

from tests.harness.chaos.audit import Check
from tests.harness.chaos.evidence import LedgerContents
from tests.harness.chaos.orders import Identity, Post
from tests.harness.chaos.watchers import Sightings


def posted_once(posts: Sequence[Post], ledger: LedgerContents) -> Check:
    """A post that was accepted, or that has a key, is one order, the one that its client was told of.

    A post without a key whose fate its client does not know may be an order or not; nobody else's orders are there.
    """
    promise = Check("one post, or one key, is one order", len(posts))
    rows: dict[Identity, list[str]] = defaultdict(list)
    for order in ledger.orders:
        rows[Identity(order.token_in, order.token_out, order.amount_in)].append(order.order_id)
    for post in posts:
        made = rows.pop(post.identity, [])
        name = f"the post with key {post.key}" if post.key else f"the post of {post.identity}"
        if len(post.order_ids) > 1:
            promise.violations.append(f"{name} was answered with {sorted(post.order_ids)}")
        if post.key and not post.sure:
            promise.violations.append(f"{name} was never accepted")
        if len(made) > 1 or (post.sure and set(made) != post.order_ids):
            promise.violations.append(f"{name} was answered with {sorted(post.order_ids)} and made {made}")
    promise.violations += [f"{ids} are in the ledger, and nobody posted them" for ids in rows.values()]
    return promise


def answered(posts: Sequence[Post]) -> Check:
    """Every answer is 202, or 503 with Retry-After."""
    found = [f"{post.identity}: {answer}" for post in posts for answer in post.unexpected]
    return Check("answers are 202, or 503 with Retry-After", len(posts), found)


def told(seen: Sequence[Sightings], ledger: LedgerContents) -> Check:
    """Every watcher was told 1 to n of what it watched; on each connection from 1, without gap or step back.

    What comes again on a connection is not counted here; see `repeats`.
    """
    promise = Check("a watcher sees every status in order", len(seen))
    sequences = {order.order_id: order.sequence for order in ledger.orders}
    for sightings in seen:
        last = sequences.get(sightings.order_id, 0)
        found = list(sightings.problems)
        for told_here in sightings.connections:
            first_times = list(dict.fromkeys(told_here))
            if first_times != list(range(1, len(first_times) + 1)):
                found.append(f"was told {told_here} on one connection")
        everything = {sequence for told_here in sightings.connections for sequence in told_here}
        if last and everything != set(range(1, last + 1)):
            found.append(f"was told {sorted(everything)} in all, of {last} (last: {sightings.status or 'nothing'})")
        promise.violations += [f"the watcher of {sightings.order_id} {fault}" for fault in found]
    return promise


def repeats(seen: Sequence[Sightings]) -> int:
    """Return how many statuses came again on a connection that had asked only once."""
    return sum(
        len(told_here) - len(set(told_here))
        for sightings in seen
        if not sightings.asked_again
        for told_here in sightings.connections
    )
