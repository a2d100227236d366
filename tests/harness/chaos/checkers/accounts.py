"""Checks that each order is its account's alone, and that a client which follows its account misses nothing of it."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.contents import LedgerContents, Leftovers
from tests.harness.chaos.history.feed import AccountViews, Feed, FeedEvent
from tests.harness.chaos.history.posts import Post


def owned_as_posted(posts: Sequence[Post], ledger: LedgerContents, leftovers: Leftovers) -> Invariant:
    """An order, and what it makes, is in the account of the client that posted it: in the ledger and in Redis."""
    invariant = Invariant("an order is its client's account's, in Redis and the ledger", len(ledger.orders))
    posted = {order_id: post.account for post in posts for order_id in post.order_ids}
    rows = {order.order_id: order for order in ledger.orders}
    for order_id, order in rows.items():
        parent = rows.get(order.parent_id or "")
        wanted = parent.account if parent else posted.get(order_id, order.account)
        if order.account != wanted:
            invariant.violations.append(f"{order_id} is {order.account}'s in the ledger, and {wanted}'s")
        if (kept := leftovers.accounts.get(order_id, wanted)) != wanted:
            invariant.violations.append(f"{order_id} is {kept}'s in Redis, and {wanted}'s")
    return invariant


def hidden_from_others(views: AccountViews) -> Invariant:
    """Nobody can see, watch, cancel or amend an order of another account."""
    return Invariant("no account sees or changes another's order", views.tries, list(views.trespasses))


def listed(views: AccountViews, ledger: LedgerContents) -> Invariant:
    """An account's list has every order of its own once, and no other."""
    invariant = Invariant("an account's list has its own orders, each once")
    own: dict[str, set[str]] = defaultdict(set)
    for order in ledger.orders:
        own[order.account].add(order.order_id)
    for account, ids in views.lists.items():
        invariant.checked += len(ids)
        invariant.violations += [f"{order_id} is in {account}'s list" for order_id in set(ids) - own[account]]
        invariant.violations += [f"{order_id} is not in {account}'s list" for order_id in own[account] - set(ids)]
        twice = [order_id for order_id, times in Counter(ids).items() if times > 1]
        invariant.violations += [f"{order_id} is in {account}'s list more than once" for order_id in twice]
    return invariant


def followed(views: AccountViews, ledger: LedgerContents) -> Invariant:
    """Who follows an account has had every status of its orders once, each order's in order, and of no other's."""
    invariant = Invariant("the channel `orders` has each status of its account once, in order")
    accounts = {order.order_id: order.account for order in ledger.orders}
    recorded: dict[str, dict[str, list[FeedEvent]]] = defaultdict(dict)
    for event in ledger.events:
        of_order = recorded[accounts[event.order_id]].setdefault(event.order_id, [])
        of_order.append(FeedEvent(event.order_id, event.sequence, event.status))
    for feed in views.feeds:
        invariant.checked += len(feed.events)
        invariant.violations += [f"{feed.account}: {problem}" for problem in feed.problems]
        invariant.violations += _differences(feed, recorded[feed.account])
    return invariant


def _differences(feed: Feed, recorded: dict[str, list[FeedEvent]]) -> list[str]:
    received: dict[str, list[FeedEvent]] = defaultdict(list)
    for event in feed.events:
        received[event.order_id].append(event)
    return [
        f"{order_id}: {feed.account} had {_steps(received.get(order_id, []))}, and the ledger has"
        f" {_steps(recorded.get(order_id, []))}"
        for order_id in sorted(recorded.keys() | received.keys())
        if received.get(order_id, []) != recorded.get(order_id, [])
    ]


def _steps(events: Sequence[FeedEvent]) -> str:
    return ", ".join(f"{event.sequence} {event.status}" for event in events) or "nothing"


def count(views: AccountViews, ledger: LedgerContents) -> str:
    """Return how much each account had, in words."""
    orders = dict(sorted(Counter(order.account for order in ledger.orders).items()))
    cut_off = sum(feed.reconnections for feed in views.feeds)
    events = sum(len(feed.events) for feed in views.feeds)
    return f"{orders}, {events} events followed over {cut_off} reconnections, {views.tries} tries to see another's"
