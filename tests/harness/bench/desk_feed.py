"""A socket for the desk that says of orders what never happened to them, at a rate: their ids in, frames out."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

COURSE = ("triggered", "routing", "building", "submitted", "open")
"""What an order that rests goes through again and again when each of its attempts is refused."""
FIRST_SEQUENCE = 100
"""Of the orders' events: later than any that really was."""


class Feed:
    """Events of orders, one after the other and round and round, due at even distances once it has begun."""

    def __init__(self, order_ids: Sequence[str], rate: float) -> None:
        self._order_ids = order_ids
        self._rate = rate
        self._begun = threading.Event()
        self._ended = threading.Event()
        self.sent = 0

    def run(self, seconds: float) -> None:
        """Send for so long, and return when the last one is sent."""
        self._begun.set()
        self._ended.wait(seconds)
        self._ended.set()

    def end(self) -> None:
        """Send no more."""
        self._ended.set()

    def serve(self, connection: ServerConnection) -> None:
        """Answer what the page asks first, and send the events."""
        reading = threading.Thread(target=_answer, args=(connection,), daemon=True)
        reading.start()
        self._begun.wait()
        begun = time.monotonic()
        try:
            for number in itertools.count():
                if self._ended.wait(max(0.0, begun + number / self._rate - time.monotonic())):
                    break
                connection.send(self._frame(number))
                self.sent = number + 1
            reading.join()  # until the page leaves
        except ConnectionClosed:
            return

    def sequences(self) -> dict[str, int]:
        """Return the sequence of each order's last event."""
        return {self._order_ids[n % len(self._order_ids)]: self._sequence(n) for n in range(self.sent)}

    def _sequence(self, number: int) -> int:
        return FIRST_SEQUENCE + number // len(self._order_ids)

    def _frame(self, number: int) -> str:
        sequence = self._sequence(number)
        event = {
            "order_id": self._order_ids[number % len(self._order_ids)],
            "status": COURSE[(sequence - FIRST_SEQUENCE) % len(COURSE)],
            "execution_price": None,
            "tx_hash": None,
            "reason": None,
            "sequence": sequence,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return json.dumps({"channel": "orders", "sequence": number + 1, "event": event}, separators=(",", ":"))


@contextmanager
def serving(handler: Callable[[ServerConnection], None], port: int) -> Iterator[None]:
    """Serve sockets with `handler` on a port of this machine."""
    with serve(handler, "127.0.0.1", port, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _answer(connection: ServerConnection) -> None:
    for text in connection:
        asked = json.loads(text)
        if asked["action"] == "subscribe":
            answer = {"channel": asked["channel"], "subscribed": True, "sequence": 0}
        else:
            answer = {"action": "pong"}
        connection.send(json.dumps(answer))
