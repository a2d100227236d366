"""How the faults of a run really went, and when nothing could be expected of the system because of them."""

from dataclasses import dataclass
from typing import NamedTuple


class Window(NamedTuple):
    """A time, in seconds since 1970."""

    from_s: float
    to_s: float

    def overlap_s(self, from_s: float, to_s: float) -> float:
        """Return how much of a time lies within."""
        return max(0.0, min(self.to_s, to_s) - max(self.from_s, from_s))


@dataclass(slots=True)
class FaultRecord:
    """A fault as it really went, `at_s` after the start; times in seconds, None where the end was never reached.

    `recovered_s` counts from the injection, or from the healing of a fault that lasts; `replaced_s` is when the runner
    had started the victims again. `problem` says why it was not injected; where that `is_note`, this machine can't.
    """

    at_s: float
    name: str
    target: str = ""
    recovered_s: float | None = None
    replaced_s: float | None = None
    problem: str | None = None
    is_note: bool = False

    def line(self) -> str:
        """Return the line that is printed as soon as the fault is over."""
        start = f"{self.at_s:6.1f} s  {self.name:<22} {self.target:<34} "
        if self.problem is not None:
            return f"{start} {'skipped' if self.is_note else 'NOT INJECTED'}: {self.problem}"
        after = "" if self.replaced_s is None else f", replaced after {self.replaced_s:.1f} s"
        end = "NOT RECOVERED" if self.recovered_s is None else f"recovered in {self.recovered_s:.1f} s"
        return start + end + after
