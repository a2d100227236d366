"""What the suites found: checks, each with what was expected and what was got, and the times that were measured."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.harness.timings import Timings


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about the system, and whether it held."""

    claim: str
    expected: str
    got: str
    holds: bool


@dataclass(slots=True)
class SuiteReport:
    """The checks of one suite, and the durations that it measured, by what they are of.

    `left_out` says what could not be tried, and what that needs.
    """

    name: str
    checks: list[Check] = field(default_factory=list)
    durations_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    elapsed_s: float = 0.0
    left_out: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[Check]:
        """The checks that did not hold."""
        return [check for check in self.checks if not check.holds]

    @property
    def passed(self) -> bool:
        """Whether something was checked and everything held."""
        return bool(self.checks) and not self.failures

    def timings(self) -> dict[str, Timings]:
        """Sum up the durations, in the order in which they were first measured."""
        return {label: Timings.of(values) for label, values in self.durations_ms.items()}


@dataclass(slots=True)
class AcceptanceReport:
    """The suites that ran against one system."""

    base_url: str
    suites: list[SuiteReport] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether at least one suite ran and all passed."""
        return bool(self.suites) and all(suite.passed for suite in self.suites)

    @property
    def failures(self) -> list[str]:
        """One line per check that did not hold."""
        return [
            f"{suite.name}: {check.claim}: expected {check.expected}, got {check.got}"
            for suite in self.suites
            for check in suite.failures
        ]

    def timings(self) -> dict[str, Timings]:
        """Sum up the durations over all suites, those of the same thing together."""
        together: dict[str, list[float]] = defaultdict(list)
        for suite in self.suites:
            for label, values in suite.durations_ms.items():
                together[label].extend(values)
        return {label: Timings.of(values) for label, values in together.items()}
