"""What a witness has read so far of a model check's run, and how it reads it."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from orderflow.adapters.codec import decode_event, order_decoder
from orderflow.domain.execution import Execution
from orderflow.domain.launches import Launch
from orderflow.domain.order import Order, StatusEvent
from orderflow.domain.ticks import Tick
from tests.model.prices import Watched

Message = tuple[str, str, str]
"""A partition, a stream and what the message has as its order."""
Carried = Mapping[str, set[tuple[str, int]]]
"""By order, the messages that there are of it: the stream of each, and how many steps the order had."""

read_execution = lru_cache(maxsize=1024)(msgspec.json.Decoder(Execution).decode)
read_event = lru_cache(maxsize=1024)(decode_event)
read_order = lru_cache(maxsize=4096)(order_decoder.decode)
read_tick = lru_cache(maxsize=256)(msgspec.json.Decoder(Tick).decode)


@dataclass
class Memory:
    """What a witness has read so far."""

    histories: dict[str, list[StatusEvent]] = field(default_factory=dict)
    """Of each order, its events as they came into the status stream."""
    orders: dict[str, Order] = field(default_factory=dict)
    """Each as it was last."""
    messages: set[Message] = field(default_factory=set)
    """Every message that there ever was."""
    sent: dict[str, Order] = field(default_factory=dict)
    """By signature, the order with its transaction."""
    executions: dict[str, Execution] = field(default_factory=dict)
    seen: dict[int, tuple[Tick, ...]] = field(default_factory=dict)
    """By slot, the prices after each of its blocks."""
    watched: dict[str, Watched] = field(default_factory=dict)
    ticks_to: str = "0-0"
    """The last tick that was seen."""
    clock_ran: bool = False
    """Whether the clock ran after the last call."""
    ending: dict[str, int] = field(default_factory=dict)
    """By order, how many steps it had when its end was requested while its transaction was out."""
    forgotten: set[str] = field(default_factory=set)
    """Signatures that the chain had executed and no longer knows."""
    not_forgotten: set[str] = field(default_factory=set)
    """Signatures of orders that left Redis before a message of theirs was handled, which may be what forgets them."""
    made_with: dict[str, str] = field(default_factory=dict)
    """By order, the idempotency key that it may be created with."""
    given_up: set[str] = field(default_factory=set)
    """What records that were given up had as their order."""
    may_miss: set[str] = field(default_factory=set)
    """Orders of which a status was given up, and connections that want no more statuses."""
    seen_to: dict[str, str] = field(default_factory=dict)
    """By partition, the last entry of the status stream that was seen."""
    block: str = ""
    """The block after which the market was looked at last."""
    slot: int = 0
    """The slot of that block."""
    has_launches: bool = False
    """Whether tokens are launched in this run."""
    opened: tuple[Launch, ...] = ()
    """The launches that have opened, in turn."""
    closed: tuple[Launch, ...] = ()
    """Those that have closed, in turn; the run began before."""

    def copy(self) -> "Memory":
        """Return a memory that changes apart from this one."""
        histories = {order_id: history.copy() for order_id, history in self.histories.items()}
        return Memory(histories, *(copy(value) for name, value in vars(self).items() if name != "histories"))
