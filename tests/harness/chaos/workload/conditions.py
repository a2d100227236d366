"""What the orders of a chaos run wait for: an amount and the prices of the moment in, an order's type and fields out.

Some are met at once or soon, some never: those rest until they expire, or until they are cancelled.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_CEILING, Decimal
from random import Random
from typing import Any, NamedTuple

from orderflow.domain import base58
from orderflow.domain.tokens import TOKENS
from tests.harness.chaos.history.posts import MARKET, Identity
from tests.harness.chaos.workload.launches import Announced

BPS = 10_000
SIGNIFICANT_DIGITS = 10
ZONE = timezone(timedelta(hours=2))
HUBS = ("USDC", "SOL")
"""What pools take that are launched."""
LIQUIDITY = {"USDC": ("15000", "30000"), "SOL": ("70", "140")}
"""The least that orders ask of a launch's pool: many have that much, some have not."""

PRIORITIES = ("normal", "fast", "turbo")

Fields = dict[str, Any]


class Prices(NamedTuple):
    """A directed pair's prices, in units of the token bought per unit of the token sold.

    A small order is paid `sells_at`; triggers compare with about `reference`.
    """

    sells_at: Decimal
    reference: Decimal


class Moment(NamedTuple):
    """What an order is made of: its tokens and amount, the prices then, and the time, in seconds since 1970.

    `launches` are those announced whose pools take the token that it sells.
    """

    identity: Identity
    prices: Prices
    now_s: float
    launches: Sequence[Announced] = ()


def conditions(
    random: Random, identity: Identity, prices: Prices | None, now_s: float, launches: Sequence[Announced] = ()
) -> Mapping[str, object]:
    """Return the type of an order and the fields that go with it; a market order where no prices are known.

    However that may be, as much is drawn from `random`.
    """
    kind = random.choices(list(_KINDS), [weight for weight, _ in _KINDS.values()])[0]
    own = Random(random.getrandbits(32))
    if prices is None:
        return MARKET
    _, make = _KINDS[kind]
    return make(own, Moment(identity, prices, now_s, launches))


def amendment(random: Random, identity: Identity, asked: Mapping[str, Any]) -> Fields:
    """Return what to change of an order that waits; nothing where it is of a type that is left as it is."""
    if "limit_price" in asked and asked["order_type"] == "limit":
        # Twice an amount is no amount of another order.
        twice = identity._replace(amount_in=2 * identity.amount_in).amount
        return {"amount": twice} if random.random() < 0.3 else {"limit_price": _changed(random, asked["limit_price"])}
    if "trigger_price" in asked:
        return {"trigger_price": _changed(random, asked["trigger_price"])}
    if asked["order_type"] == "sniper":
        return random.choice(
            (
                {"amount": identity._replace(amount_in=2 * identity.amount_in).amount},
                {"filters": _filters(random, identity.token_in)},
                {"filters": {}},
                {"priority": random.choice(PRIORITIES)},
                {"max_slippage": "0.5"},
            )
        )
    if "trail_bps" in asked:
        return {"trail_bps": min(2 * asked["trail_bps"], 9000)}
    return {}


def _changed(random: Random, written: str) -> str:
    return _written(Decimal(written) * (1 + _bps(random, -10, 10)))


def _market(_random: Random, _moment: Moment) -> Fields:
    return dict(MARKET)


def _limit(random: Random, moment: Moment) -> Fields:
    apart = _bps(random, -15, 15) if random.random() < 0.6 else _bps(random, 500, 5000)
    price = moment.prices.sells_at * (1 + apart)
    limit = _least_amount(moment.identity, price) if random.random() < 0.25 else _limit_price(random, price)
    partly = {"allow_partial": True} if random.random() < 0.3 else {}
    return {"order_type": "limit", **limit, **partly, **_expiry(random, moment)}


def _at_once(random: Random, moment: Moment) -> Fields:
    limit = _limit_price(random, moment.prices.sells_at * (1 + _bps(random, -30, 5)))
    return {"order_type": "limit", **limit, "time_in_force": random.choice(("fok", "ioc"))}


def _take_profit(random: Random, moment: Moment) -> Fields:
    return {"order_type": "take_profit", **_stop(random, moment, 1)}


def _stop_loss(random: Random, moment: Moment) -> Fields:
    return {"order_type": "stop_loss", **_stop(random, moment, -1)}


def _stop(random: Random, moment: Moment, side: int) -> Fields:
    fields = _trigger(random, moment.prices.reference, side)
    if random.random() < 0.3:
        fields["limit_price"] = _written(moment.prices.sells_at * (1 + _bps(random, -60, 10)))
    return fields | _expiry(random, moment)


def _trailing_stop(random: Random, moment: Moment) -> Fields:
    fields: Fields = {"order_type": "trailing_stop", "trail_bps": random.choice((50, 50, 100, 5000))}
    if random.random() < 0.3:
        fields["activation_price"] = _written(moment.prices.reference * (1 + _bps(random, 1, 10)))
    return fields | _expiry(random, moment)


def _oco(random: Random, moment: Moment) -> Fields:
    return {"order_type": "oco", **_exits(random, moment.prices.reference), **_expiry(random, moment)}


def _bracket(random: Random, moment: Moment) -> Fields:
    first = dict(MARKET) if random.random() < 0.8 else _limit(random, moment)
    first.pop("allow_partial", None)  # exits sell what the whole of an order has received
    # What sells again what was bought is priced the other way round.
    exits = _exits(random, 1 / moment.prices.reference)
    if random.random() < 0.3:
        del exits[random.choice(list(exits))]
    return first | {"then": exits}


def _twap(random: Random, moment: Moment) -> Fields:
    fields: Fields = {"order_type": "twap", "slices": random.randint(2, 4), "interval": random.randint(1, 3)}
    if random.random() < 0.5:
        fields |= _limit_price(random, moment.prices.sells_at * (1 + _bps(random, -50, 5)))
    return fields


def _sniper(random: Random, moment: Moment) -> Fields:
    if moment.identity.token_in not in HUBS:
        return dict(MARKET)
    fields: Fields = {
        "order_type": "sniper",
        "target": _target(random, moment.launches),
        "priority": random.choice(PRIORITIES),
        **_expiry(random, moment),
    }
    if random.random() < 0.6:
        fields["filters"] = _filters(random, moment.identity.token_in)
    if random.random() < 0.3:
        fields["max_slippage"] = random.choice(("0.02", "0.1", "0.5"))
    if random.random() < 0.6:
        fields["then"] = _exits_by_what_is_paid(random)
    return fields


def _target(random: Random, launches: Sequence[Announced]) -> Fields:
    draw, mint = random.random(), base58.encode(random.randbytes(32))
    if draw < 0.5:
        return {"any": True}
    if draw < 0.95 and launches:
        return {"mint": random.choice(launches).mint}
    return {"mint": mint}  # nobody ever launches it


def _filters(random: Random, token_in: str) -> Fields:
    every: Fields = {
        "mint_renounced": random.random() < 0.8,
        "freezable": random.random() < 0.2,
        "lp_burned": random.random() < 0.7,
        "max_top10_bps": random.choice((1000, 3000, 5000)),
        "min_liquidity": random.choice(LIQUIDITY[token_in]),
        "venue": random.choice(("raydium", "meteora")),
    }
    return {name: every[name] for name in random.sample(sorted(every), random.choice((1, 1, 2, 3)))}


def _exits_by_what_is_paid(random: Random) -> Fields:
    """Return exits near what is paid, which the crowd makes met within slots, or far from it, which rest."""
    exits: Fields = {
        "take_profit": {"gain_bps": random.choice((100, 1000, 3000, 100_000))},
        "stop_loss": {"loss_bps": random.choice((100, 1000, 5000, 9999))},
    }
    if random.random() < 0.3:
        del exits[random.choice(list(exits))]
    return exits


def _exits(random: Random, reference: Decimal) -> Fields:
    return {"take_profit": _trigger(random, reference, 1), "stop_loss": _trigger(random, reference, -1)}


def _trigger(random: Random, reference: Decimal, side: int) -> Fields:
    apart = _bps(random, 2, 20) if random.random() < 0.6 else _bps(random, 1000, 4000)
    fields: Fields = {"trigger_price": _written(reference * (1 + side * apart))}
    if random.random() < 0.2:
        fields["trigger_slots"] = 2
    return fields


def _limit_price(random: Random, price: Decimal) -> Fields:
    """Return a limit's price as clients write it, now and then as a buyer does: the other way round."""
    if random.random() < 0.3:
        return {"limit_price": _written(1 / price), "price_in": "token_in"}
    return {"limit_price": _written(price)}


def _least_amount(identity: Identity, price: Decimal) -> Fields:
    step = Decimal(1).scaleb(-TOKENS[identity.token_out].decimals)
    least = (Decimal(identity.amount) * price).quantize(step, rounding=ROUND_CEILING)
    return {"min_amount_out": f"{least:f}"}


def _expiry(random: Random, moment: Moment) -> Fields:
    draw, seconds = random.random(), random.randint(2, 8)
    if draw < 0.35:
        return {"expires_in": seconds}
    if draw < 0.5:
        at = datetime.fromtimestamp(moment.now_s, UTC) + timedelta(seconds=seconds)
        return {"expires_at": at.astimezone(ZONE).isoformat(timespec="milliseconds")}
    return {}


def _bps(random: Random, least: int, most: int) -> Decimal:
    return Decimal(random.randint(least, most)) / BPS


def _written(price: Decimal) -> str:
    return f"{Decimal(f'{price:.{SIGNIFICANT_DIGITS}g}'):f}"


_KINDS: Mapping[str, tuple[float, Callable[[Random, Moment], Fields]]] = {
    "market": (40, _market),
    "limit": (24, _limit),
    "at once": (7, _at_once),
    "take_profit": (5, _take_profit),
    "stop_loss": (5, _stop_loss),
    "trailing_stop": (4, _trailing_stop),
    "oco": (4, _oco),
    "bracket": (6, _bracket),
    "twap": (5, _twap),
    "sniper": (12, _sniper),
}
"""The kinds of orders: how often each comes, relative to the others, and what makes it."""
