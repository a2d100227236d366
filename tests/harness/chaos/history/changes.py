"""What clients asked to be changed of their orders, and what they were answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orderflow.domain.access import LOCAL_ACCOUNT


class ChangeAnswer(NamedTuple):
    """An answer: its status, its document, and when it came, in seconds since 1970."""

    status: int
    document: Mapping[str, Any]
    at_s: float


@dataclass(slots=True)
class Change:
    """A cancel, or with `fields` an amend, of an order: when it was first sent, and all answers; none came if empty.

    A cancel is sent again until it is answered, and once more when the run is over; an amend is sent once. `unexpected`
    are answers that no client should get; `account` is that of the client.
    """

    order_id: str
    fields: Mapping[str, object] = field(default_factory=dict)
    sent_at_s: float = 0.0
    answers: list[ChangeAnswer] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    account: str = LOCAL_ACCOUNT

    @property
    def is_cancel(self) -> bool:
        """Whether it is a cancel."""
        return not self.fields

    @property
    def is_unknown(self) -> bool:
        """Whether no answer came, so that it was done or not."""
        return not self.answers

    @property
    def done(self) -> ChangeAnswer | None:
        """The first answer that said that it was done."""
        return next((answer for answer in self.answers if answer.status == 200), None)
