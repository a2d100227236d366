"""Judges the history of one order that a client received: its status frames in, a list of faults out."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from local.client.status_socket import FULL_COURSE, TERMINAL_STATUSES
from orderflow.domain.lifecycle import followers
from orderflow.domain.status import Status

ALWAYS_THERE = ("order_id", "status", "execution_price", "tx_hash", "reason")
_MORE_KEYS = {
    "open": ("minimum_out", "expires_at"),
    "triggered": ("slot", "rule", "price"),
    **dict.fromkeys(TERMINAL_STATUSES, ("amount_filled", "amount_out")),
}
"""What the statuses of an order that waits say beyond what all do."""
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def faults(order_id: str, frames: Sequence[dict[str, Any]]) -> list[str]:
    """Return what is wrong with the whole history of an order, one sentence each; empty when all is well.

    Whole means from `pending` to `confirmed` in five steps, or to `failed` in fewer, each once and in order.
    """
    if not frames:
        return ["no status arrived"]
    found = [fault for frame in frames for fault in _faults_of_frame(order_id, frame)]
    statuses = [frame.get("status") for frame in frames]
    last = statuses[-1]
    if last not in TERMINAL_STATUSES:
        found.append(f"the last status is {last}")
    course = [*FULL_COURSE[: len(statuses) - 1], last]
    if statuses != course or (last == "confirmed" and len(statuses) != len(FULL_COURSE)):
        found.append(f"the statuses are {' → '.join(map(str, statuses))}")
    return found + _faults_of_order(frames)


def waiting_faults(order_id: str, frames: Sequence[dict[str, Any]]) -> list[str]:
    """Return what is wrong with the whole history of an order that waits, one sentence each; empty when all is well."""
    if not frames:
        return ["no status arrived"]
    found = [fault for frame in frames for fault in _faults_of_waiting(order_id, frame)]
    statuses = [str(frame.get("status")) for frame in frames]
    if statuses[0] != "pending" or statuses[-1] not in TERMINAL_STATUSES:
        found.append(f"the statuses are {' → '.join(statuses)}")
    found += [f"{after} follows {before}" for before, after in pairwise(statuses) if not _may_follow(before, after)]
    return found + _faults_of_order(frames)


def _may_follow(before: str, after: str) -> bool:
    """Return whether a status may follow another, of an order that waits: it is open before it is executed."""
    return after in followers(Status(before)) and (before, after) != FULL_COURSE[:2]


def _faults_of_order(frames: Sequence[dict[str, Any]]) -> list[str]:
    """Return what is wrong with how frames follow each other."""
    found = []
    sequences = [frame.get("sequence") for frame in frames]
    if sequences != list(range(1, len(frames) + 1)):
        found.append(f"the sequence numbers are {sequences}")
    timestamps = [str(frame.get("timestamp")) for frame in frames]
    if timestamps != sorted(timestamps):
        found.append(f"the timestamps step back: {timestamps}")
    return found


def _faults_of_waiting(order_id: str, frame: dict[str, Any]) -> list[str]:
    status = str(frame.get("status"))
    found = _faults_of_any(order_id, frame)
    found += [f"{status} lacks {key}" for key in _MORE_KEYS.get(status, ()) if key not in frame]
    price = frame.get("execution_price")
    if status in ("confirmed", "partially_filled") and not (isinstance(price, int | float) and price > 0):
        found.append(f"{status} has the price {price!r}")
    if status in ("pending", "routing", "building") and frame.get("tx_hash"):
        found.append(f"{status} already has a tx_hash")
    if status == "failed" and not frame.get("reason"):
        found.append("failed has no reason")
    return found


def _faults_of_any(order_id: str, frame: dict[str, Any]) -> list[str]:
    status = frame.get("status")
    found = [f"{status} lacks {key}" for key in ALWAYS_THERE if key not in frame]
    if frame.get("order_id") != order_id:
        found.append(f"{status} is of order {frame.get('order_id')}")
    if not _TIMESTAMP.fullmatch(str(frame.get("timestamp"))):
        found.append(f"{status} has the timestamp {frame.get('timestamp')!r}")
    return found


def _faults_of_frame(order_id: str, frame: dict[str, Any]) -> list[str]:
    status = frame.get("status")
    found = _faults_of_any(order_id, frame)
    price = frame.get("execution_price")
    if status == "confirmed" and not (isinstance(price, int | float) and price > 0):
        found.append(f"confirmed has the price {price!r}")
    if status != "confirmed" and price is not None:
        found.append(f"{status} already has a price")
    if status in ("submitted", "confirmed") and not frame.get("tx_hash"):
        found.append(f"{status} has no tx_hash")
    if status in ("pending", "routing", "building") and frame.get("tx_hash"):
        found.append(f"{status} already has a tx_hash")
    if (status == "failed") != bool(frame.get("reason")):
        found.append(f"{status} has the reason {frame.get('reason')!r}")
    return found
