"""The market at one moment, as it is shown: its pools, and what each pair is worth in all and at each venue."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from orderflow.domain.pools import AnyPool


class PairView(msgspec.Struct, frozen=True):
    """What a pair with pools of its own is worth, in units of `token_out` per unit of `token_in`, fees left out.

    `reference` is the price that triggers compare with, and `venues` has by venue what its pools alone say; all are
    decimal strings of 12 significant digits. Where a venue's pools are empty it is not there.
    """

    pair: str
    """The pair as it is written: `SOL/USDC`."""
    token_in: str
    token_out: str
    reference: str
    venues: Mapping[str, str]


class Market(NamedTuple):
    """The market after a slot, whose pools say at the Unix second `now_s` what they do.

    `pools` are all that are open, also those of launched tokens; `pairs` are those of listed tokens.
    """

    slot: int
    now_s: int
    pools: Sequence[AnyPool]
    pairs: Sequence[PairView]
