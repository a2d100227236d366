"""The channels of reports, `market` and `engine`: who follows one, its latest report, and the prices of past ones.

All of it lies in one partition, beside the stream `reports`, whose messages ask for a channel's report. A timer brings
the next message as long as somebody follows.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.keys import SHARED, key
from orderflow.domain.order import iso_timestamp
from orderflow.domain.ticks import SLOT_MS

MARKET, ENGINE = "market", "engine"
CHANNELS = (MARKET, ENGINE)
STREAM = "reports"
"""The stream of messages that ask for a report, in the partition SHARED."""

MAX_FOLLOWERS = 5_000
"""Connections that may follow one channel at a time."""
INTERVAL_MS: Mapping[str, int] = {MARKET: SLOT_MS, ENGINE: 1_000}
"""Real milliseconds between two reports of a channel at least."""
PUT_OFF_MS = 5_000
"""After how long a report is tried again that could not be made, or not be sent."""
MOST_PRICES = 2_000
"""Past prices that are kept of a pair."""


class PastPrice(msgspec.Struct, frozen=True, array_like=True):
    """What a pair was worth after a slot, in all and by venue, as decimal strings, and when that was reported."""

    slot: int
    at_ms: int
    reference: str
    venues: Mapping[str, str]


class Report(NamedTuple):
    """A report of a channel: its place among them, when it was made in ms since 1970, and its members as JSON."""

    sequence: int
    made_ms: int
    text: str

    def frame(self, channel: str) -> str:
        """Return the report as its followers get it."""
        at = iso_timestamp(self.made_ms)
        return f'{{"channel":"{channel}","sequence":{self.sequence},"{channel}":{{"at":"{at}",{self.text[1:]}}}'


class Begun(NamedTuple):
    """A channel that is followed. Its report `is_due`, or was made just now; of the followers some are `new`.

    New ones are to be answered before they get a report.
    """

    is_due: bool
    now_ms: int
    latest: Report | None
    followers: Sequence[str]
    new: frozenset[str]


class Reports:
    """The channels of reports. Each method raises redis' errors."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._begin = client.register_script(scripts.source("begin_report"))
        self._keep = client.register_script(scripts.source("keep_report"))

    def begin(self, channel: str) -> Begun | None:
        """Return what there is to do for a channel, and have the next report asked for; None when nobody follows.

        Of those who begin at the same time only one finds that the report is due.
        """
        keys = [followers_key(channel), _state(channel), key(SHARED, "timers"), key(SHARED, "wakes")]
        reply = self._begin(keys, [STREAM, message_for(channel), INTERVAL_MS[channel]])
        if not reply:
            return None
        is_due, now_ms, sequence, made_ms, text, found = reply
        scores = dict(zip(found[::2], found[1::2], strict=True))
        new = frozenset(connection for connection, score in scores.items() if score == "0")
        latest = Report(int(sequence), int(made_ms), text) if text else None
        return Begun(bool(is_due), now_ms, latest, list(scores), new)

    def keep(
        self, channel: str, text: str, made_ms: int, slot: int = 0, prices: Mapping[str, PastPrice] | None = None
    ) -> Report:
        """Keep a report as the channel's latest, with the prices by pair that it found after a slot; return it."""
        prices = prices or {}
        keys = [_state(channel), *map(_prices, prices)]
        sequence = self._keep(keys, [text, made_ms, slot, MOST_PRICES, *map(msgspec.json.encode, prices.values())])
        return Report(int(sequence), made_ms, text)

    def put_off(self, begun: Begun, channel: str) -> None:
        """Have the next report come only after a while."""
        due = {f"{STREAM} 1 {message_for(channel)}": begun.now_ms + PUT_OFF_MS}
        self._client.zadd(key(SHARED, "timers"), due, xx=True)

    def answered(self, channel: str, connections: Collection[str], now_ms: int) -> None:
        """Note that new followers were answered; those that have left meanwhile stay out."""
        if connections:
            self._client.zadd(followers_key(channel), dict.fromkeys(connections, now_ms), xx=True)

    def forget(self, channel: str, connections: Collection[str]) -> None:
        """Have connections that are gone follow a channel no longer."""
        if connections:
            self._client.zrem(followers_key(channel), *connections)

    def is_followed(self, channel: str) -> bool:
        """Return whether somebody follows a channel."""
        return bool(self._client.exists(followers_key(channel)))

    def past_prices(self, pair: str, most: int) -> list[PastPrice]:
        """Return the latest prices that were kept of a pair (`SOL/USDC`), so many at most, the oldest first."""
        kept = cast("list[str]", self._client.lrange(_prices(pair), -most, -1)) if most > 0 else []
        return [_price_decoder.decode(price) for price in kept]


_price_decoder = msgspec.json.Decoder(PastPrice)


class Asked(msgspec.Struct, frozen=True):
    """A message of the stream: the channel whose report it asks for."""

    report: str


def message_for(channel: str) -> str:
    """Return the message that asks for a channel's report."""
    return f'{{"report":"{channel}"}}'


def followers_key(channel: str) -> str:
    """Return the key of a channel's followers."""
    return key(SHARED, f"followers:{channel}")


def _state(channel: str) -> str:
    return key(SHARED, f"report:{channel}")


def _prices(pair: str) -> str:
    return key(SHARED, f"prices:{pair}")
