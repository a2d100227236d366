"""What set the pace: a plain line from who was how busy."""

import asyncio
import time
from dataclasses import replace

import pytest

from tests.harness.bench.background import background
from tests.harness.bench.bottleneck import Meter, Pace

BUSY = Pace(cores=2, bench=0.2, system=1.7, others=0.05, late_ms=2.0, idle=0.1, open_loop=False)


@pytest.mark.parametrize(
    ("pace", "verdict"),
    [
        (BUSY, "the system set the pace"),
        (replace(BUSY, bench=0.9, system=0.9), "the bench itself was the bottleneck"),
        (replace(BUSY, bench=0.9, system=None, others=None), "the bench itself was the bottleneck"),
        (replace(BUSY, others=0.5, system=1.2), "other programs took part of the machine"),
        (replace(BUSY, late_ms=30.0), "the bench waited for a processor"),
        (replace(BUSY, system=0.8), "nobody was busy"),
        (replace(BUSY, system=0.8, open_loop=True), "orders were sent as they were due"),
        (replace(BUSY, system=None, others=None), "the system set the pace"),
    ],
)
def test_the_busiest_set_the_pace(pace: Pace, verdict: str) -> None:
    assert pace.verdict.startswith(verdict)


def test_one_line_says_it() -> None:
    assert str(BUSY) == (
        "bench 0.20 of 2 cores, system 1.70, others 0.05, the bench's loop 2.0 ms late at p99, its clients idle 10%:"
        " the system set the pace"
    )
    assert BUSY.to_dict()["verdict"] == "the system set the pace"


def test_a_loop_that_does_not_get_round_is_late() -> None:
    meter = Meter({})

    async def hold_up() -> None:
        async with background(meter.watch_the_loop()):
            meter.start()
            await asyncio.sleep(0)
            until = time.perf_counter() + 0.1
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0.001)
            meter.stop()

    asyncio.run(hold_up())

    pace = meter.pace(idle_s=0.1, clients=2, open_loop=False)
    assert pace.late_ms > 50
    assert 0 < pace.idle < 1
    assert pace.system is None
    assert pace.cores >= 1
