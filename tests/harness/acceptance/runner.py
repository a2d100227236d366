"""Runs the suites against a base URL and returns what they found."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from local.client.api import Client
from orderflow.errors import OrderflowError
from tests.harness.acceptance import (
    access,
    acknowledgement,
    amend,
    batch,
    bracket,
    cancel,
    concurrency,
    errors,
    expiry,
    lifecycle,
    limit,
    oco,
    orders_input,
    reconnection,
    slippage,
    sniper,
    stop,
    trailing_stop,
    twap,
)
from tests.harness.acceptance.narrator import Narrator
from tests.harness.acceptance.report import AcceptanceReport, SuiteReport
from tests.harness.acceptance.trial import Trial
from tests.support.access_table import RunKeys


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite and, in one sentence, what it proves."""

    purpose: str
    run: Callable[[Trial], Awaitable[None]]


SUITES: Mapping[str, Suite] = {
    "acknowledgement": Suite(acknowledgement.PURPOSE, acknowledgement.run),
    "lifecycle": Suite(lifecycle.PURPOSE, lifecycle.run),
    "concurrency": Suite(concurrency.PURPOSE, concurrency.run),
    "batch": Suite(batch.PURPOSE, batch.run),
    "reconnection": Suite(reconnection.PURPOSE, reconnection.run),
    "slippage": Suite(slippage.PURPOSE, slippage.run),
    "limit": Suite(limit.PURPOSE, limit.run),
    "stop": Suite(stop.PURPOSE, stop.run),
    "trailing_stop": Suite(trailing_stop.PURPOSE, trailing_stop.run),
    "oco": Suite(oco.PURPOSE, oco.run),
    "bracket": Suite(bracket.PURPOSE, bracket.run),
    "twap": Suite(twap.PURPOSE, twap.run),
    "sniper": Suite(sniper.PURPOSE, sniper.run),
    "expiry": Suite(expiry.PURPOSE, expiry.run),
    "errors": Suite(errors.PURPOSE, errors.run),
    "orders_input": Suite(orders_input.PURPOSE, orders_input.run),
    "cancel": Suite(cancel.PURPOSE, cancel.run),
    "amend": Suite(amend.PURPOSE, amend.run),
    "access": Suite(access.PURPOSE, access.run),
}

# What a system that is at fault can make a suite stumble over; a mistake in a suite itself is none of these, except
# that an answer of another shape than the contract's shows as a missing key or a wrong type.
_STUMBLES = (OrderflowError, TimeoutError, aiohttp.ClientError, OSError, ValueError, LookupError, TypeError)


async def run_suites(
    base_url: str,
    names: Sequence[str] = (),
    quick: bool = False,
    narrator: Narrator | None = None,
    socket_url: str | None = None,
    run_keys: RunKeys | None = None,
) -> AcceptanceReport:
    """Run the suites called `names`, or all, one after the other, and return what they found.

    With `run_keys`, the command for keys of that system, one that asks for keys is tried with several.

    A suite that stumbles counts as failed and the next one runs. Raises KeyError for an unknown name, and
    UnreachableError when nothing answers at `base_url` to begin with.
    """
    chosen = {name: SUITES[name] for name in names or SUITES}
    narrator = narrator or Narrator()
    async with Client(base_url) as client:
        await client.get("/health")
    report = AcceptanceReport(base_url)
    for name, suite in chosen.items():
        narrator.suite(name, suite.purpose)
        suite_report = SuiteReport(name)
        report.suites.append(suite_report)
        began = time.perf_counter()
        async with Client(base_url, socket_url) as client:
            trial = Trial(client, narrator, suite_report, quick, run_keys)
            try:
                await suite.run(trial)
            except _STUMBLES as error:
                trial.check("the suite runs to its end", "no error", f"{type(error).__name__}: {error}")
        suite_report.elapsed_s = time.perf_counter() - began
        narrator.suite_summary(suite_report)
    narrator.summary(report)
    return report
