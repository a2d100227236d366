"""Where the model check's world ends: the ledger's rows and the clients' sockets, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from local.gateway.connections import Connection
from local.gateway.ordering import Ordering, Verdict
from orderflow.adapters.ledger_documents import OrderDocument
from orderflow.adapters.sockets import Message, Sent
from orderflow.errors import RetryableError

Ask = Callable[[Sequence[object], Callable[[], Any], Callable[[], Exception]], Any]


@dataclass
class Ends:
    """All that has arrived at the ends. Writing a row again changes nothing."""

    rows: dict[tuple[str, int], OrderDocument] = field(default_factory=dict)
    """By order and sequence."""
    reached: dict[str, int] = field(default_factory=dict)
    """By order, the step up to which the ledger has it."""
    inboxes: dict[tuple[str, str], list[Message]] = field(default_factory=dict)
    """By connection and order."""
    closed: set[str] = field(default_factory=set)

    def copy(self) -> "Ends":
        """Return ends that change apart from these."""
        inboxes = {place: messages.copy() for place, messages in self.inboxes.items()}
        return Ends(self.rows.copy(), self.reached.copy(), inboxes, self.closed.copy())


class Ledger:
    """The ledger, in place of Postgres."""

    def __init__(self, ask: Ask, ends: Callable[[], Ends]) -> None:
        self._ask = ask
        self._ends = ends

    def write(self, documents: Sequence[OrderDocument]) -> set[str]:
        """Write a batch: all of it or nothing."""
        unreachable = RetryableError("Postgres can't be reached")
        return set(self._ask(("ledger", *documents), lambda: self._write(documents), lambda: unreachable))

    def _write(self, documents: Sequence[OrderDocument]) -> set[str]:
        ends, lacking = self._ends(), set()
        for document in documents:
            order_id, sequence = document.order_id, document.sequence
            ends.rows.setdefault((order_id, sequence), document)
            reached = ends.reached.get(order_id, 0)
            if document.is_whole or reached >= sequence - 1:
                ends.reached[order_id] = max(reached, sequence)
            else:
                lacking.add(order_id)
        return lacking


class Gateway:
    """The gateway's batch form of @connections, with its real judgement of what comes again or out of order."""

    def __init__(self, ask: Ask, ends: Callable[[], Ends]) -> None:
        self._ask = ask
        self._ends = ends

    def send(self, messages: Sequence[Message]) -> Sent:
        """Deliver messages in their order, and return those that were not passed on."""
        if not messages:
            return Sent()
        unreachable = RetryableError("@connections can't be reached")
        return cast("Sent", self._ask(("sockets", *messages), lambda: self._deliver(messages), lambda: unreachable))

    def _deliver(self, messages: Sequence[Message]) -> Sent:
        ends, sent = self._ends(), Sent([], [])
        ordering, connections = Ordering(), {message.connection_id: _Connection() for message in messages}
        for (connection_id, _), passed in ends.inboxes.items():
            for message in passed:  # what the gateway remembers is what it has passed on
                ordering.decide(cast("Connection", connections.setdefault(connection_id, _Connection())), message)
        for message in messages:
            if message.connection_id in ends.closed:
                sent.gone.append(message)
                continue
            verdict = ordering.decide(cast("Connection", connections[message.connection_id]), message)
            if verdict is Verdict.PASS:
                ends.inboxes.setdefault((message.connection_id, message.order_id), []).append(message)
            elif verdict is Verdict.OUT_OF_ORDER:
                sent.out_of_order.append(message)
        return sent


class _Connection:
    """Stands for a connection, of which the gateway needs no more than its identity."""
