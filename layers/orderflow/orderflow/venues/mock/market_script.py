"""Fair prices that a file sets at slots, on top of the seeded walk: MARKET_SCRIPT in, prices by slot out."""

from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from types import MappingProxyType

from orderflow.domain.tokens import find_token
from orderflow.errors import ConfigurationError

MarketScript = Mapping[int, Mapping[str, float]]
"""The fair prices, in dollars per unit by a token's symbol, that are set at a slot; the walk goes on from them."""

NO_SCRIPT: MarketScript = MappingProxyType({})


def read_market_script(path: str) -> MarketScript:
    """Return what the file at `path` sets; nothing where the path is empty.

    A line is `slot, token, price`, such as `120, SOL, 231.5`; empty lines, and what follows a #, are passed over.
    Raises ConfigurationError that names the line and what is wrong with it.
    """
    if not path:
        return NO_SCRIPT
    try:
        return _read(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(f"MARKET_SCRIPT={path!r} can't be used: {reason}") from error


def _read(text: str) -> MarketScript:
    script: dict[int, dict[str, float]] = {}
    for number, line in _lines(text):
        slot, symbol, price = _set_price(number, line)
        at_slot = script.setdefault(slot, {})
        if symbol in at_slot:
            raise ValueError(f"line {number}: {symbol} has a price at slot {slot} already")
        at_slot[symbol] = price
    return script


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if said:
            yield number, said


def _set_price(number: int, line: str) -> tuple[int, str, float]:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 3:
        raise ValueError(f"line {number}: {line!r} is not: slot, token, price")
    token = find_token(parts[1])
    if token is None:
        raise ValueError(f"line {number}: {parts[1]!r} is no token")
    if not (parts[0].isascii() and parts[0].isdigit()) or int(parts[0]) == 0:
        raise ValueError(f"line {number}: the slot {parts[0]!r} is no whole number from 1 on")
    try:
        price = float(parts[2])
    except ValueError:
        price = 0.0
    if not (price > 0 and isfinite(price)):
        raise ValueError(f"line {number}: the price {parts[2]!r} is no number above 0")
    return int(parts[0]), token.symbol, price
