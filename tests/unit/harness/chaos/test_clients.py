"""chaos/client_audit.py and stalls.py: what clients were told, and how long orders waited, against the ledger."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from orderflow.domain.order import OrderRequest
from orderflow.domain.status import Status
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.universe import VENUES
from tests.harness.chaos import client_audit
from tests.harness.chaos.evidence import LedgerContents, OrderRow
from tests.harness.chaos.load import Load
from tests.harness.chaos.orders import Identity, Post, identities
from tests.harness.chaos.stalls import BOUND_S, Window, no_stalls, simulated_delay_s
from tests.harness.chaos.watchers import Sightings
from tests.support.builders import NOW_MS
from tests.support.chaos_evidence import FIRST, REJECTED, SECOND, STEP_S, good_run

NOW_S = NOW_MS / 1000
OTHER_ID = "01a20477-0e28-7d4b-9a3f-00000000beef"


def post_of(order_id: str, key: str | None = "k", told: Sequence[str] | None = None) -> Post:
    """Return the post that made an order of the good run, answered with its id or with what is `told`."""
    ledger, _ = good_run()
    [row] = [order for order in ledger.orders if order.order_id == order_id]
    identity = Identity(row.token_in, row.token_out, row.amount_in)
    return Post(identity, key, NOW_S, set([order_id] if told is None else told))


def ledger_of(*order_ids: str) -> LedgerContents:
    """Return the good run's ledger with the orders of these ids alone, one for each time that an id is named."""
    ledger, _ = good_run()
    rows = {order.order_id: order for order in ledger.orders}
    return msgspec.structs.replace(ledger, orders=[rows[order_id] for order_id in order_ids])


def second_row_of(order_id: str) -> OrderRow:
    """Return what an order that was made twice from one post would leave."""
    return msgspec.structs.replace(ledger_of(order_id).orders[0], order_id=OTHER_ID)


def test_a_post_that_made_its_order_is_in_order() -> None:
    found = client_audit.posted_once([post_of(FIRST), post_of(SECOND, key=None)], ledger_of(FIRST, SECOND))

    assert (found.checked, found.violations) == (2, [])


def test_without_a_key_an_order_that_its_client_does_not_know_of_may_exist_or_not() -> None:
    unknown = post_of(FIRST, key=None, told=[])

    assert client_audit.posted_once([unknown], ledger_of()).violations == []
    assert client_audit.posted_once([unknown], ledger_of(FIRST)).violations == []


@pytest.mark.parametrize(
    ("post", "orders", "found"),
    [
        (post_of(FIRST), [], "and made []"),
        (post_of(FIRST, told=[]), [], "was never accepted"),
        (post_of(FIRST, told=[FIRST, OTHER_ID]), [FIRST], f"was answered with ['{FIRST}', '{OTHER_ID}']"),
        (post_of(FIRST, told=[OTHER_ID]), [FIRST], f"was answered with ['{OTHER_ID}'] and made ['{FIRST}']"),
        (post_of(FIRST), [FIRST, SECOND], f"['{SECOND}'] are in the ledger, and nobody posted them"),
    ],
)
def test_a_post_that_is_lost_doubled_or_answered_wrongly_is_found(post: Post, orders: list[str], found: str) -> None:
    violations = client_audit.posted_once([post], ledger_of(*orders)).violations

    assert any(found in violation for violation in violations)


@pytest.mark.parametrize("key", ["k", None])
def test_one_post_that_made_two_orders_is_found(key: str | None) -> None:
    ledger = ledger_of(FIRST)
    doubled = msgspec.structs.replace(ledger, orders=[*ledger.orders, second_row_of(FIRST)])

    violations = client_audit.posted_once([post_of(FIRST, key)], doubled).violations

    assert any("and made" in violation and OTHER_ID in violation for violation in violations)


def test_an_answer_that_is_neither_acceptance_nor_refusal_is_found() -> None:
    post = post_of(FIRST)
    post.unexpected.append("answered 500 oops")

    assert client_audit.answered([post, post_of(SECOND)]).violations == [f"{post.identity}: answered 500 oops"]


def test_every_order_of_a_run_can_be_told_from_the_others() -> None:
    orders = identities()

    made = [next(orders) for _ in range(5000)]

    assert len(set(made)) == 5000
    assert {(token_in, token_out) for token_in, token_out, _ in made} == {
        (token_out, token_in) for token_in, token_out, _ in made
    }


def test_posts_are_worth_what_their_identity_says() -> None:
    load = Load("http://127.0.0.1:1", 1, lambda _: None)

    post = load.new_post(None)

    token_in, token_out, amount_in = post.identity
    assert post.body() == {
        "token_in": token_in,
        "token_out": token_out,
        "amount": f"{amount_in / 1e6:.6f}",
        "order_type": "market",
    }


@pytest.mark.parametrize(
    "connections",
    [
        [[1, 2, 3, 4, 5]],
        [[1, 2], [1, 2, 3, 4, 5]],
        [[], [1, 2, 3], [], [1, 2, 3, 4, 5]],
        [[1, 2, 1, 2, 3, 4, 5]],
    ],
)
def test_a_watcher_who_was_told_all_in_order_is_content(connections: list[list[int]]) -> None:
    ledger, _ = good_run()

    assert client_audit.told([Sightings(FIRST, connections, "confirmed")], ledger).violations == []


@pytest.mark.parametrize(
    ("connections", "found"),
    [
        ([[1, 2, 4, 5]], "was told [1, 2, 4, 5] on one connection"),
        ([[1, 2, 4, 3, 5]], "was told [1, 2, 4, 3, 5] on one connection"),
        ([[1, 2], [3, 4, 5]], "was told [3, 4, 5] on one connection"),
        ([[1, 2, 3, 4]], "was told [1, 2, 3, 4] in all, of 5 (last: submitted)"),
        ([[]], "was told [] in all, of 5 (last: submitted)"),
        ([[1, 2, 3, 4, 5, 6]], "was told [1, 2, 3, 4, 5, 6] in all, of 5"),
    ],
)
def test_a_status_that_a_watcher_missed_or_got_out_of_order_is_found(connections: list[list[int]], found: str) -> None:
    ledger, _ = good_run()

    violations = client_audit.told([Sightings(FIRST, connections, "submitted")], ledger).violations

    assert any(found in violation for violation in violations)


def test_an_answer_that_a_watcher_should_not_get_is_found() -> None:
    ledger, _ = good_run()
    sightings = Sightings(FIRST, [[1, 2, 3, 4, 5]], "confirmed", problems=["unknown order"])

    assert client_audit.told([sightings], ledger).violations == [f"the watcher of {FIRST} unknown order"]


def test_what_comes_again_is_counted_unless_it_was_asked_for_again() -> None:
    repeated = Sightings(FIRST, [[1, 2, 2, 3], [1, 2, 3, 3, 3]])
    asked = Sightings(SECOND, [[1, 1, 2]], asked_again=1)

    assert client_audit.repeats([repeated, asked]) == 3


def no_delay(_order: OrderRow, _status: str) -> float:
    return 0.0


def later(order_id: str, sequence: int, by_s: float) -> Callable[[LedgerContents], LedgerContents]:
    """Return what puts off an order's events from one on."""

    def doctor(ledger: LedgerContents) -> LedgerContents:
        events = [
            msgspec.structs.replace(event, at_s=event.at_s + by_s)
            if event.order_id == order_id and event.sequence >= sequence
            else event
            for event in ledger.events
        ]
        return msgspec.structs.replace(ledger, events=events)

    return doctor


def test_an_order_that_stood_still_is_found() -> None:
    ledger = later(FIRST, 3, BOUND_S)(good_run()[0])

    found = no_stalls(ledger, no_delay, [], [])

    assert found.violations == [f"{FIRST} went from routing to building {BOUND_S + STEP_S:.1f} s later than it should"]
    assert found.checked == len(ledger.events) - len(ledger.orders)


def test_a_simulated_delay_is_no_standing_still() -> None:
    ledger = later(FIRST, 3, BOUND_S)(good_run()[0])

    assert no_stalls(ledger, lambda _, status: 1.0 if status == "routing" else 0.0, [], []).violations == []
    assert no_stalls(ledger, lambda _, status: 1.0 if status == "building" else 0.0, [], []).violations != []


def test_time_in_which_everything_stood_does_not_count() -> None:
    ledger = later(FIRST, 3, BOUND_S)(good_run()[0])
    within, before = Window(NOW_S + 2, NOW_S + 3), Window(NOW_S - 5, NOW_S)

    assert no_stalls(ledger, no_delay, [within], []).violations == []
    assert no_stalls(ledger, no_delay, [before], []).violations != []


def test_orders_under_way_while_a_clock_was_wrong_are_left_out() -> None:
    ledger = later(FIRST, 3, 3600)(good_run()[0])
    while_under_way, afterwards = Window(NOW_S + 1, NOW_S + 2), Window(NOW_S + 4000, NOW_S + 4001)

    assert no_stalls(ledger, no_delay, [], [while_under_way]).violations == []
    assert no_stalls(ledger, no_delay, [], [afterwards]).violations != []


def test_the_simulated_delay_is_the_markets_own() -> None:
    [row] = ledger_of(FIRST).orders
    latency = Latency(seed=1, speed=0.5)
    request = OrderRequest(row.token_in, row.token_out, row.amount_in, "market", row.slippage_bps)
    delay_s = simulated_delay_s(latency)

    assert delay_s(row, Status.PENDING) == 0
    assert delay_s(row, Status.ROUTING) == latency.scaled(latency.quotes(0, request, VENUES).wait_ms) / 1000
    assert delay_s(row, Status.BUILDING) == latency.scaled(latency.build_ms(0, request)) / 1000
    assert delay_s(row, Status.SUBMITTED) == (latency.landing(0, request).slots + 2) * 0.2
    assert delay_s(ledger_of(REJECTED).orders[0], Status.ROUTING) == 0
