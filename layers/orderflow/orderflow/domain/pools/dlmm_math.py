"""Meteora DLMM's integer mathematics: bin prices, fee rates, and what each bin takes and pays, bit for bit.

Prices are Q64.64: atoms of Y per atom of X, times 2⁶⁴. Fee rates are over 10⁹.
"""

from collections.abc import Iterable
from functools import lru_cache

BPS = 10_000
FEE_UNIT = 1_000_000_000
MAX_FEE_RATE = 100_000_000
ONE = 1 << 64
"""The price 1 in Q64.64."""
ID_BITS = 19
"""Bin ids, without their signs, fit in this many bits."""

_MAX_U128 = (1 << 128) - 1
_VARIABLE_FEE_UNIT = 10**11

StockedBin = tuple[int, int, int, int, int]
"""A bin that holds some of the token wanted: (bin id, numerator, denominator, fee rate, atoms held). The price
numerator/denominator is in atoms paid out per atom put in, before the fee."""

BinTrade = tuple[int, int, int, int]
"""What a swap does to a bin: (bin id, atoms put in, fee in atoms of the same token, atoms taken out)."""


@lru_cache(maxsize=1 << 16)
def bin_price(bin_step: int, bin_id: int) -> int:
    """Return the price of a bin: (1 + bin_step/10⁴)^bin_id in Q64.64, truncated at every step as the program does.

    The base is inverted before it is raised to the power, so that every factor stays below 2⁶⁴; for a positive id the
    result is inverted back. Raises ValueError where the program has no price: for ids over 19 bits, and where a price
    is too far from 1.
    """
    exponent = abs(bin_id)
    if bin_step <= 0 or exponent >> ID_BITS:
        raise ValueError(f"no price: bin step {bin_step}, bin id {bin_id}")
    if bin_id == 0:
        return ONE
    factor = _MAX_U128 // (ONE + (bin_step << 64) // BPS)
    power = ONE
    while exponent:
        if exponent & 1:
            power = power * factor >> 64
        factor = factor * factor >> 64
        exponent >>= 1
    if power == 0:
        raise ValueError(f"no price: bin step {bin_step}, bin id {bin_id}")
    return power if bin_id < 0 else _MAX_U128 // power


def base_fee_rate(bin_step: int, base_factor: int, power: int) -> int:
    """Return the constant part of the fee rate: base_factor·bin_step·10·10^power."""
    return int(base_factor * bin_step * 10 * 10**power)


def fee_rate(base_rate: int, control: int, bin_step: int, va: int) -> int:
    """Return min(base_rate + ⌈control·(va·bin_step)²/10¹¹⌉, 10⁸), `va` being the volatility accumulator."""
    weighted = va * bin_step
    rate = base_rate - (-control * weighted * weighted // _VARIABLE_FEE_UNIT)
    return rate if rate < MAX_FEE_RATE else MAX_FEE_RATE


def fee_on_top(net: int, rate: int) -> int:
    """Return the fee to be added to `net`, so that `net` is left when it is taken: ⌈net·r/(10⁹−r)⌉."""
    return -(-net * rate // (FEE_UNIT - rate))


def trade_exact_in(bins: Iterable[StockedBin], amount_in: int) -> tuple[list[BinTrade], int]:
    """Put `amount_in` atoms, fees included, into `bins` one after the other; return the trades and the atoms left.

    Of the atoms left, a bin takes f = ⌈left·r/10⁹⌉ as its fee, and pays ⌊net·price⌋ for the others. Where these are its
    capacity ⌈held/price⌉ or more, it takes just the capacity, with ⌈capacity·r/(10⁹−r)⌉ as the fee, and pays out all
    that it holds.
    """
    trades: list[BinTrade] = []
    left = amount_in
    for bin_id, numerator, denominator, rate, held in bins:
        fee = -(-left * rate // FEE_UNIT)
        net = left - fee
        capacity = -(-held * denominator // numerator)
        if net < capacity:
            trades.append((bin_id, net, fee, net * numerator // denominator))
            return trades, 0
        fee = -(-capacity * rate // (FEE_UNIT - rate))
        trades.append((bin_id, capacity, fee, held))
        left -= capacity + fee
        if left == 0:
            break
    return trades, left


def trade_exact_out(bins: Iterable[StockedBin], amount_out: int) -> tuple[list[BinTrade], int]:
    """Take `amount_out` atoms out of `bins` one after the other; return the trades and the atoms still wanted.

    Each bin asks for the fewest atoms for which `trade_exact_in` would make it pay so many: net = ⌈out/price⌉, and the
    fee in addition. It pays out what `trade_exact_in` would pay for these: by rounding, the last bin may pay out more
    than is wanted.
    """
    trades: list[BinTrade] = []
    wanted = amount_out
    for bin_id, numerator, denominator, rate, held in bins:
        needed = wanted if wanted < held else held
        net = -(-needed * denominator // numerator)
        worth = net * numerator // denominator
        trades.append((bin_id, net, fee_on_top(net, rate), worth if worth < held else held))
        wanted -= needed
        if wanted == 0:
            break
    return trades, wanted
