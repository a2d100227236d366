"""chaos/checkers/client_audit.py: what clients were answered and received on sockets, held against the ledger."""

from collections.abc import Sequence

import msgspec
import pytest

from orderflow.domain.lifecycle import COURSE
from tests.harness.chaos.checkers import client_audit
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import LedgerContents, OrderRow
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.sightings import Sightings
from tests.support.builders import NOW_MS
from tests.support.chaos_evidence import FIRST, SECOND, good_run

NOW_S = NOW_MS / 1000
ALL = list(range(1, len(COURSE) + 1))
LAST = ALL[-1]
OTHER_ID = "01a20477-0e28-7d4b-9a3f-00000000beef"


def post_of(order_id: str, key: str | None = "k", answered: Sequence[str] | None = None) -> Post:
    """Return the post that made an order of the good run, answered with its id or with the ids in `answered`."""
    ledger, _ = good_run()
    [row] = [order for order in ledger.orders if order.order_id == order_id]
    identity = Identity(row.token_in, row.token_out, row.amount_in)
    return Post(identity, key, NOW_S, set([order_id] if answered is None else answered))


def ledger_of(*order_ids: str) -> LedgerContents:
    """Return the good run's ledger with the orders of these ids alone, one for each time that an id is named."""
    ledger, _ = good_run()
    rows = {order.order_id: order for order in ledger.orders}
    return msgspec.structs.replace(ledger, orders=[rows[order_id] for order_id in order_ids])


def second_row_of(order_id: str) -> OrderRow:
    """Return what an order that was made twice from one post would leave."""
    return msgspec.structs.replace(ledger_of(order_id).orders[0], order_id=OTHER_ID)


def test_a_post_that_made_its_order_is_in_order() -> None:
    found = client_audit.posted_once([post_of(FIRST), post_of(SECOND, key=None)], [], ledger_of(FIRST, SECOND))

    assert (found.checked, found.violations) == (2, [])


def test_without_a_key_an_order_that_its_client_does_not_know_of_may_exist_or_not() -> None:
    unknown = post_of(FIRST, key=None, answered=[])

    assert client_audit.posted_once([unknown], [], ledger_of()).violations == []
    assert client_audit.posted_once([unknown], [], ledger_of(FIRST)).violations == []


@pytest.mark.parametrize(
    ("post", "orders", "found"),
    [
        (post_of(FIRST), [], "and made []"),
        (post_of(FIRST, answered=[]), [], "was never accepted"),
        (post_of(FIRST, answered=[FIRST, OTHER_ID]), [FIRST], f"was answered with ['{FIRST}', '{OTHER_ID}']"),
        (post_of(FIRST, answered=[OTHER_ID]), [FIRST], f"was answered with ['{OTHER_ID}'] and made ['{FIRST}']"),
        (post_of(FIRST), [FIRST, SECOND], f"['{SECOND}'] are in the ledger, and nobody posted them"),
    ],
)
def test_a_post_that_is_lost_doubled_or_answered_wrongly_is_found(post: Post, orders: list[str], found: str) -> None:
    violations = client_audit.posted_once([post], [], ledger_of(*orders)).violations

    assert any(found in violation for violation in violations)


@pytest.mark.parametrize("key", ["k", None])
def test_one_post_that_made_two_orders_is_found(key: str | None) -> None:
    ledger = ledger_of(FIRST)
    doubled = msgspec.structs.replace(ledger, orders=[*ledger.orders, second_row_of(FIRST)])

    violations = client_audit.posted_once([post_of(FIRST, key)], [], doubled).violations

    assert any("and made" in violation and OTHER_ID in violation for violation in violations)


def test_one_that_came_too_late_is_no_order() -> None:
    late = post_of(FIRST, answered=[])
    late.refused_at_s = NOW_S

    assert client_audit.posted_once([late], [], ledger_of()).violations == []
    found = client_audit.posted_once([late], [], ledger_of(FIRST)).violations
    assert found == [f"the post with key k was answered that it is too late and made ['{FIRST}']"]


def test_an_order_that_another_has_made_is_nobodys_post() -> None:
    ledger = ledger_of(FIRST)
    child = msgspec.structs.replace(second_row_of(FIRST), amount_in=1, parent_id=FIRST)
    with_child = msgspec.structs.replace(ledger, orders=[*ledger.orders, child])

    assert client_audit.posted_once([post_of(FIRST)], [], with_child).violations == []


def test_an_amended_amount_is_that_of_the_post() -> None:
    post = post_of(FIRST)
    twice = post.identity._replace(amount_in=2 * post.identity.amount_in)
    row = msgspec.structs.replace(ledger_of(FIRST).orders[0], amount_in=twice.amount_in)
    ledger = msgspec.structs.replace(ledger_of(FIRST), orders=[row])

    assert client_audit.posted_once([post], [Change(FIRST, {"amount": twice.amount})], ledger).violations == []
    assert client_audit.posted_once([post], [], ledger).violations != []


def test_what_waits_for_a_launch_is_its_post_before_and_after_it_was_fired() -> None:
    post = Post(Identity("USDC", "", 100), "k", NOW_S, {FIRST})
    for token_out in ("", "MOON200"):
        row = msgspec.structs.replace(
            ledger_of(FIRST).orders[0], order_type="sniper", token_in="USDC", token_out=token_out, amount_in=100
        )
        ledger = msgspec.structs.replace(ledger_of(FIRST), orders=[row])

        assert client_audit.posted_once([post], [], ledger).violations == []


def test_an_answer_that_is_neither_acceptance_nor_refusal_is_found() -> None:
    post = post_of(FIRST)
    post.unexpected.append("answered 500 oops")

    assert client_audit.answered([post, post_of(SECOND)]).violations == [f"{post.identity}: answered 500 oops"]


@pytest.mark.parametrize(
    "connections",
    [
        [ALL],
        [[1, 2], ALL],
        [[], [1, 2, 3], [], ALL],
        [[1, 2, *ALL]],
    ],
)
def test_a_watcher_that_received_all_in_order_is_no_violation(connections: list[list[int]]) -> None:
    ledger, _ = good_run()

    assert client_audit.seen_in_order([Sightings(FIRST, connections, "confirmed")], ledger).violations == []


@pytest.mark.parametrize(
    ("connections", "found"),
    [
        ([[1, 2, 4, 5]], "received [1, 2, 4, 5] on one connection"),
        ([[1, 2, 4, 3, 5]], "received [1, 2, 4, 3, 5] on one connection"),
        ([[1, 2], [3, 4, 5]], "received [3, 4, 5] on one connection"),
        ([ALL[:-1]], f"received {ALL[:-1]} in all, of {LAST} (last: submitted)"),
        ([[]], f"received [] in all, of {LAST} (last: submitted)"),
        ([[*ALL, LAST + 1]], f"received {[*ALL, LAST + 1]} in all, of {LAST}"),
    ],
)
def test_a_status_that_a_watcher_missed_or_received_out_of_order_is_found(
    connections: list[list[int]], found: str
) -> None:
    ledger, _ = good_run()

    violations = client_audit.seen_in_order([Sightings(FIRST, connections, "submitted")], ledger).violations

    assert any(found in violation for violation in violations)


def test_an_answer_that_a_watcher_should_not_get_is_found() -> None:
    ledger, _ = good_run()
    sightings = Sightings(FIRST, [ALL], "confirmed", problems=["unknown order"])

    assert client_audit.seen_in_order([sightings], ledger).violations == [f"the watcher of {FIRST} unknown order"]


def test_a_status_that_is_not_the_ledgers_is_found() -> None:
    ledger, _ = good_run()
    sightings = Sightings(FIRST, [[]])
    for number, status in enumerate(COURSE, start=1):
        sightings.note(number, status, NOW_S)
    assert client_audit.seen_as_recorded([sightings], ledger).violations == []

    sightings.statuses[LAST] = "failed"
    sightings.statuses[LAST + 1] = "confirmed"

    assert client_audit.seen_as_recorded([sightings], ledger).violations == [
        f"{FIRST} was seen as failed at {LAST}, and was confirmed",
        f"{FIRST} was seen as confirmed at {LAST + 1}, and was None",
    ]


def test_a_status_that_comes_again_as_another_is_a_problem() -> None:
    sightings = Sightings(FIRST, [[]])
    sightings.note(2, "open", NOW_S)
    sightings.note(2, "open", NOW_S + 1)
    assert (sightings.problems, sightings.open_since_s()) == ([], NOW_S)

    sightings.note(2, "cancelled", NOW_S + 2)

    assert sightings.problems == ["received 2 as open and as cancelled"]


def test_what_comes_again_is_counted_unless_it_was_asked_for_again() -> None:
    repeated = Sightings(FIRST, [[1, 2, 2, 3], [1, 2, 3, 3, 3]])
    asked = Sightings(SECOND, [[1, 1, 2]], asked_again=1)

    assert client_audit.repeats([repeated, asked]) == 3
