"""Processor time by process: the ids of state.json in, seconds used since each started out."""

import time
from collections import defaultdict
from collections.abc import Mapping

import psutil

OWN = "bench"


def read(processes: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds used so far by each kind of process, children included, and by the bench itself.

    `poller-1` and `poller-2` count together as `pollers`. A process that is gone counts for nothing.
    """
    used: dict[str, float] = defaultdict(float)
    for name, pid in processes.items():
        used[kind_of(name)] += family_s(pid)
    used[OWN] = time.process_time()
    return dict(used)


def per_order_us(before: Mapping[str, float], after: Mapping[str, float], orders: int) -> dict[str, float]:
    """Return the microseconds an order that passed between two readings; nothing when there was no order."""
    if not orders:
        return {}
    return {kind: (used - before.get(kind, 0.0)) / orders * 1e6 for kind, used in after.items()}


def kind_of(name: str) -> str:
    """Return `pollers` for `poller-1`, and any name without a number as it is."""
    kind, dash, number = name.rpartition("-")
    return f"{kind}s" if dash and number.isdigit() else name


def family_s(pid: int) -> float:
    """Return the seconds of processor time that a process and its children have used; 0 when it is gone."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_used_by(member) for member in family)


def _used_by(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    # Linux also says what children used that have ended (Postgres has one per connection); macOS does not.
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)
