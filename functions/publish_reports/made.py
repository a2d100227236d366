"""What a report is made of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from orderflow.adapters.reports import PastPrice


class Made(NamedTuple):
    """A report's members as a JSON object, and the prices by pair after a slot, which are kept beyond it."""

    text: str
    slot: int = 0
    prices: Mapping[str, PastPrice] = MappingProxyType({})
