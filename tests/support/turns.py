"""Turns of a poller, of which a test wants one part alone."""

from collections.abc import Sequence

from orderflow.adapters.streams import Entry, Reading, Streams


def read_new(streams: Streams, stream: str, group: str, count: int = 100) -> list[Entry]:
    """Hand a group the next entries of a stream."""
    return list(streams.turn([Reading(stream, group, count)]).entries)


def promote(streams: Streams, names: Sequence[str], limit: int = 200) -> int | None:
    """Move up to `limit` messages that are due; return the milliseconds until the next is due, None when none waits."""
    return streams.turn([], timers_of=names, limit=limit).next_ms
