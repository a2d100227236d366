"""What an order's client asked for at one of its steps, amends counted in; by what answers say of these."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.terms import Conditions

CLOCKS_DIFFER_S = 0.1
"""The times of answers and of the ledger are of different processes, and rounded to milliseconds."""


def amends_of(changes: Sequence[Change]) -> Mapping[str, list[Change]]:
    """Return the amends of each order, by its id."""
    amends: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if not change.is_cancel:
            amends[change.order_id].append(change)
    return amends


def asked_before(
    conditions: Conditions, amends: Sequence[Change], sequence: int, at_s: float
) -> tuple[Conditions, ...]:
    """Return what may have been asked for when an order took a step, `at_s` since 1970.

    First as the latest amend before it has left it, then as each amend would without an answer that came by then.
    """
    in_force, in_force_since = conditions, 0
    possible = []
    for amend in amends:
        amended = {**conditions, **amend.fields}
        if amend.done is not None:
            since = int(amend.done.document["sequence"])
            if in_force_since < since < sequence:
                in_force, in_force_since = amended, since
        elif amend.is_unknown and amend.sent_at_s < at_s + CLOCKS_DIFFER_S:
            possible.append(amended)
    return in_force, *possible
