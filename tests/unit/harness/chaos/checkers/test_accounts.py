"""chaos/checkers/accounts.py: whose orders are, who sees them, and what a client that follows its account has had."""

import pytest

from tests.harness.chaos.checkers import accounts
from tests.harness.chaos.history.contents import LedgerContents
from tests.harness.chaos.history.feed import AccountViews, Feed, FeedEvent
from tests.harness.chaos.history.posts import Identity, Post
from tests.support.chaos_evidence import FIRST, REFUSED, REJECTED, SECOND, good_run, nothing_left, with_order

OWNERS: dict[str, str] = {FIRST: "alpha", SECOND: "beta", REFUSED: "alpha", REJECTED: "alpha"}


def good_ledger() -> LedgerContents:
    """Return the good run's ledger, its orders in two accounts."""
    ledger, _ = good_run()
    for order_id, account in OWNERS.items():
        ledger = with_order(order_id, account=account)(ledger)
    return ledger


def posts() -> list[Post]:
    identity = Identity("SOL", "USDC", 1)
    return [Post(identity, order_ids={order_id}, account=account) for order_id, account in OWNERS.items()]


def feed_of(account: str) -> Feed:
    """Return what a client has had that has followed an account through the good run."""
    events = [
        FeedEvent(event.order_id, event.sequence, event.status)
        for event in good_ledger().events
        if OWNERS[event.order_id] == account
    ]
    return Feed(account, len(events), events)


def followed(feed: Feed) -> list[str]:
    return accounts.followed(AccountViews([feed, feed_of("beta")]), good_ledger()).violations


def test_orders_in_the_accounts_of_their_clients_are_in_order() -> None:
    found = accounts.owned_as_posted(posts(), good_ledger(), nothing_left(accounts=OWNERS))

    assert (found.checked, found.violations) == (4, [])


def test_an_order_in_another_account_than_its_client_s_is_found_in_the_ledger_and_in_redis() -> None:
    ledger = with_order(FIRST, account="beta")(good_ledger())

    [found] = accounts.owned_as_posted(posts(), ledger, nothing_left()).violations
    [kept] = accounts.owned_as_posted(posts(), good_ledger(), nothing_left(accounts={SECOND: "local"})).violations

    assert found == f"{FIRST} is beta's in the ledger, and alpha's"
    assert kept == f"{SECOND} is local's in Redis, and beta's"


def test_what_an_order_makes_is_in_its_account() -> None:
    own = with_order(REJECTED, parent_id=FIRST)(good_ledger())
    others = with_order(REJECTED, parent_id=SECOND)(good_ledger())

    assert accounts.owned_as_posted(posts(), own, nothing_left()).violations == []
    assert accounts.owned_as_posted(posts(), others, nothing_left()).violations == [
        f"{REJECTED} is alpha's in the ledger, and beta's"
    ]


def test_each_trespass_is_a_violation() -> None:
    found = accounts.hidden_from_others(AccountViews(tries=9, trespasses=["an order was seen"]))

    assert (found.checked, found.violations) == (9, ["an order was seen"])


@pytest.mark.parametrize(
    ("listed", "violations"),
    [
        ([SECOND], []),
        ([], [f"{SECOND} is not in beta's list"]),
        ([SECOND, FIRST], [f"{FIRST} is in beta's list"]),
        ([SECOND, SECOND], [f"{SECOND} is in beta's list more than once"]),
    ],
)
def test_a_list_has_the_orders_of_its_account_each_once(listed: list[str], violations: list[str]) -> None:
    found = accounts.listed(AccountViews(lists={"beta": listed}), good_ledger())

    assert (found.checked, found.violations) == (len(listed), violations)


def test_a_feed_with_each_status_once_is_in_order() -> None:
    found = accounts.followed(AccountViews([feed_of("alpha"), feed_of("beta")]), good_ledger())

    assert (found.checked, found.violations) == (len(good_ledger().events), [])


def test_a_status_that_is_missing_doubled_or_out_of_order_is_found() -> None:
    missing, doubled, turned = feed_of("alpha"), feed_of("alpha"), feed_of("alpha")
    missing.events.pop(0)
    doubled.events.append(doubled.events[0])
    turned.events[:2] = turned.events[1::-1]

    for feed in (missing, doubled, turned):
        [violation] = followed(feed)
        assert violation.startswith(f"{FIRST}: alpha had ")


def test_a_status_of_another_account_s_order_and_a_problem_of_the_channel_are_found() -> None:
    feed = feed_of("alpha")
    feed.events.append(FeedEvent(SECOND, 1, "pending"))
    feed.problems.append("received 9 after 7")

    assert followed(feed) == [
        "alpha: received 9 after 7",
        f"{SECOND}: alpha had 1 pending, and the ledger has nothing",
    ]


def test_what_accounts_had_is_counted() -> None:
    said = accounts.count(AccountViews([feed_of("alpha")], 3), good_ledger())

    assert said.startswith("{'alpha': 3, 'beta': 1}, ")
    assert said.endswith(" 3 tries to see another's")
