"""Judges the history of one order that a client received: its status frames in, a list of faults out."""

import re
from collections.abc import Sequence
from typing import Any

from local.client.status_socket import FULL_COURSE, TERMINAL_STATUSES

ALWAYS_THERE = ("order_id", "status", "execution_price", "tx_hash", "reason")
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
    sequences = [frame.get("sequence") for frame in frames]
    if sequences != list(range(1, len(frames) + 1)):
        found.append(f"the sequence numbers are {sequences}")
    timestamps = [str(frame.get("timestamp")) for frame in frames]
    if timestamps != sorted(timestamps):
        found.append(f"the timestamps step back: {timestamps}")
    return found


def _faults_of_frame(order_id: str, frame: dict[str, Any]) -> list[str]:
    status = frame.get("status")
    found = [f"{status} lacks {key}" for key in ALWAYS_THERE if key not in frame]
    if frame.get("order_id") != order_id:
        found.append(f"{status} is of order {frame.get('order_id')}")
    if not _TIMESTAMP.fullmatch(str(frame.get("timestamp"))):
        found.append(f"{status} has the timestamp {frame.get('timestamp')!r}")
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
