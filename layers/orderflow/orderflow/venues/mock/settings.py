"""The settings of the mock market, from environment variables of the same names in capitals."""

from typing import Annotated, Literal

import msgspec

LEAST_APART = 25
"""Fewer slots are never between two launches, so that at most 363 tokens of them trade at once."""


class MockSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The market's seed, and the factor on its delays (1 = real time, 0 = none).

    `drop_rate` is the share of sendings that never land, `network_failure_rate` that of quotes that fail.

    On one machine the `clock` may be `manual`, so that slots pass by orders and by hand alone, and a file may set fair
    prices, `market_script` (see market_script.py).

    Every `launch_every_slots` a launch is announced, never where that is 0.
    """

    seed: int = 1
    speed: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    drop_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    network_failure_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    clock: Literal["auto", "manual"] = "auto"
    market_script: str = ""
    launch_every_slots: Annotated[int, msgspec.Meta(ge=0)] = 0
