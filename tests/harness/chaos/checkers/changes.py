"""Checks what clients were answered to their cancels and amends against what became of the orders."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from orderflow.domain.launches import Launch
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS, Token
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.changes import Change, ChangeAnswer
from tests.harness.chaos.history.contents import LedgerContents, OrderRow


def answered(changes: Sequence[Change]) -> Invariant:
    """Every cancel came to an answer, and no answer is one that a valid request should not get."""
    found = [f"{change.order_id}: {problem}" for change in changes for problem in change.unexpected]
    found += [
        f"{change.order_id}: no answer to a cancel that was repeated"
        for change in changes
        if change.is_cancel and change.is_unknown and not change.unexpected
    ]
    return Invariant("changes are answered as documented", len(changes), found)


def cancels_kept(changes: Sequence[Change], ledger: LedgerContents, launches: Sequence[Launch] = ()) -> Invariant:
    """What a cancel was answered is so: cancelled at that sequence, with that much filled; or ended as it said."""
    orders = {order.order_id: order for order in ledger.orders}
    tokens = TOKENS | {launch.token.symbol: launch.token for launch in launches}
    invariant = Invariant("after a cancel nothing more happens")
    for change in changes:
        order = orders.get(change.order_id)
        if not change.is_cancel or order is None:
            continue
        for answer in change.answers:
            invariant.checked += 1
            invariant.violations += [
                f"{order.order_id} {fault}, and was answered {answer.status} {dict(answer.document)}"
                for fault in _faults(order, answer, tokens[order.token_in])
            ]
        documents = [answer.document for answer in change.answers if answer.status == 200]
        if any(document != documents[0] for document in documents):
            invariant.violations.append(f"{order.order_id} was answered differently to the same cancel: {documents}")
    return invariant


def amends_kept(changes: Sequence[Change], ledger: LedgerContents) -> Invariant:
    """An amend that was done is a step of its order: open again, at the sequence that the answer says."""
    statuses = {(event.order_id, event.sequence): event.status for event in ledger.events}
    invariant = Invariant("an amend that is answered 200 is a step")
    for change in changes:
        if change.is_cancel or change.done is None:
            continue
        invariant.checked += 1
        sequence = int(change.done.document["sequence"])
        status = statuses.get((change.order_id, sequence))
        if status != Status.OPEN:
            invariant.violations.append(f"{change.order_id} was amended by {sequence}, which is {status}")
    return invariant


def _faults(order: OrderRow, answer: ChangeAnswer, token_in: Token) -> Iterator[str]:
    match answer.status:
        case 200:
            if (order.status, order.sequence) != (Status.CANCELLED, answer.document["sequence"]):
                yield f"is {order.status} at {order.sequence}"
            filled = Decimal(str(answer.document["amount_filled"])).scaleb(token_in.decimals)
            if filled != (order.amount_filled or 0):
                yield f"has {order.amount_filled} filled"
        case 409 if answer.document.get("order_status") != order.status:
            yield f"is {order.status}"
