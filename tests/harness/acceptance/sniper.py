"""Suite: an order that waits for a launch buys its token once, soon after it opens, or says why it has not."""

import asyncio
import time
from decimal import Decimal
from typing import Any

from local.client.api import Answer
from local.client.status_socket import StatusSocket
from tests.harness.acceptance.bad_snipers import NO_TOKEN_YET, bad_snipers, sniper
from tests.harness.acceptance.launches import FLAGS, Launch, check_lists, listed
from tests.harness.acceptance.orders_input import check_bad_condition
from tests.harness.acceptance.refusal import judged
from tests.harness.acceptance.trial import (
    ATTEMPTS_TO_CONFIRM,
    LAST_STATUS_TIMEOUT_S,
    Order,
    Placed,
    SuiteStoppedError,
    Trial,
    market_order,
)
from tests.harness.acceptance.waiting import Watched, cancel, follow, follow_to, look_up, rest

PURPOSE = "an order that waits for a launch buys as it opens, once, if it passes the filters; and says why if not"
GOOD_FOR_S = 120
"""What this suite leaves behind after a failure is over then."""
AMOUNTS = {"USDC": "5", "SOL": "0.05"}
NEVER = {"max_top10_bps": 0}
"""No launch passes that: of each somebody has something."""
EXITS = {"take_profit": {"gain_bps": 1_000_000}, "stop_loss": {"loss_bps": 9_990}}
"""What was paid times 101, and a thousandth of it: they are not met while a suite runs."""
LOOK_S = 0.2


async def run(trial: Trial) -> None:
    """Refuse what is wrong, have orders rest, and where this market has launches, have one bought."""
    has_launches = await check_lists(trial)
    trial.narrator.step("orders that can't wait for a launch")
    for bad in bad_snipers():
        await check_bad_condition(trial, bad)
    await _rests(trial)
    if has_launches:
        await _launch(trial)
    else:
        trial.narrator.remark(
            "This market has no launches (LAUNCH_EVERY_SLOTS=0), so nothing is bought here: neither the slot, nor the"
            " filters, nor the exits can be checked."
        )


async def _rests(trial: Trial) -> None:
    trial.narrator.step("one that no launch passes, and one for a token that is never launched, rest and say why")
    for order in (sniper(filters=NEVER), sniper(token_in="SOL", amount="0.05", target={"mint": NO_TOKEN_YET})):
        async with trial.socket(narrate=False) as socket:
            watched = await rest(trial, socket, order | {"expires_in": GOOD_FOR_S})
            found = await look_up(trial, watched.order_id)
            trial.check("what it buys is not known yet", None, found["token_out"])
            trial.check("it shows what it waits for", order["target"], found["target"])
            why = str((found.get("resting") or {}).get("why") or "")
            trial.check("it says why it rests", "waits for …", why, why.startswith("waits for "))
            await cancel(trial, socket, watched)


async def _launch(trial: Trial) -> None:
    """Have orders wait for a launch, again if the market keeps one of them from buying; then sell what was bought."""
    for _ in range(ATTEMPTS_TO_CONFIRM):
        launch = await _next_launch(trial)
        trial.narrator.step(f"{launch.symbol}, which opens against {launch.quote} in slot {launch.open_slot}")
        other = next(symbol for symbol in AMOUNTS if symbol != launch.quote)
        answer = await trial.post(_buy(other, target={"mint": launch.mint}))
        trial.check("an order that sells another token → 400", *_naming(answer, "target.mint"))
        async with trial.socket(narrate=False) as socket:
            watched = await _wait_for(trial, socket, launch)
            if watched and all(each.statuses[-1] == "confirmed" for each in watched):
                named, first = watched
                await _check_bought(trial, named, launch.mint)
                await _check_bought(trial, first, first.first("triggered")["launch"]["token"]["mint"])
                await _exits(trial, socket, named, launch)
                await _trades(trial, socket, named, launch)
                return
    raise SuiteStoppedError(f"in none of {ATTEMPTS_TO_CONFIRM} launches was everything bought")


async def _next_launch(trial: Trial) -> Launch:
    """Return the announced launch that opens last. Raises SuiteStoppedError when none is announced within some time."""
    # While an order waits for it the market's time passes.
    async with trial.socket(narrate=False) as socket:
        clock = await rest(trial, socket, sniper(filters=NEVER, expires_in=GOOD_FOR_S))
        deadline = time.perf_counter() + LAST_STATUS_TIMEOUT_S
        while not (announced := await listed(trial, status="announced")) and time.perf_counter() < deadline:
            await asyncio.sleep(LOOK_S)
        await trial.cancel(clock.order_id)
    if not announced:
        raise SuiteStoppedError(f"no launch was announced within {LAST_STATUS_TIMEOUT_S:.0f} s")
    return max(announced, key=lambda launch: launch.open_slot)


async def _wait_for(trial: Trial, socket: StatusSocket, launch: Launch) -> list[Watched]:
    """Have three orders wait for a launch; return the two that may buy when all have ended, none if it was too late.

    One names it, one takes any, and one asks of it what it is not.
    """
    quote, flag = launch.quote, next(iter(FLAGS))
    target = {"mint": launch.mint}
    answer = await trial.post_batch(
        [
            _buy(quote, target=target, priority="turbo", then=EXITS),
            _buy(quote, priority="fast"),
            _buy(quote, target=target, filters={flag: not launch.flags[flag]}),
        ]
    )
    if answer.status != 202:
        trial.narrator.remark("it has opened before all of them were there; the next one")
        return []
    orders = [Watched(Placed(str(each["order"]["order_id"]), answer.sent_at)) for each in answer.json()["results"]]
    for watched in orders:
        await trial.subscribe(socket, watched.order_id)
        await follow(trial, socket, watched)
    buyer, first, picky = orders
    has, wants = (str(value).lower() for value in (launch.flags[flag], not launch.flags[flag]))
    reason = f"filter {flag}: required {wants}, pool has {has}"
    trial.check("what it is not fails an order", ("failed", reason), (picky.statuses[-1], picky.last["reason"]))
    trial.check("of which nothing was sent", False, "submitted" in picky.statuses)
    return [buyer, first]


async def _check_bought(trial: Trial, watched: Watched, mint: str) -> None:
    """Check an order that bought the token with a mint: by the launch, all at once, and so many slots after it."""
    fired = watched.first("triggered")
    launch = fired["launch"]
    trial.check(
        "it was fired by the launch, as that opened",
        ("launch", mint, True),
        (fired["rule"], launch["token"]["mint"], fired["slot"] >= launch["open_slot"]),
    )
    late = watched.last.get("slots_from_open")
    trial.check("it says how many slots after the opening", "1 or more", late, isinstance(late, int) and late >= 1)
    order = await look_up(trial, watched.order_id)
    trial.check("so does its record", late, order["slots_from_open"])
    trial.check("what it has bought is known now", launch["token"]["symbol"], order["token_out"])
    trial.check("all of it is filled", "0", order["amount_remaining"])
    received = [fill["amount_out"] for fill in order["fills"]]
    trial.check("in one swap, which paid what it received", [watched.last["amount_out"]], received)


async def _exits(trial: Trial, socket: StatusSocket, bought: Watched, launch: Launch) -> None:
    trial.narrator.step("its exits are an order of their own, which rests until it is cancelled")
    child = Watched(Placed(str(bought.last["child_id"]), bought.placed.posted_at))
    await trial.subscribe(socket, child.order_id)
    await follow_to(trial, socket, child, "open")
    found = await look_up(trial, child.order_id)
    expected = {
        "order_type": "oco",
        "parent_id": bought.order_id,
        "token_in": launch.symbol,
        "token_out": launch.quote,
        "amount": _units(bought, launch),
    }
    trial.check("they sell all that was received", expected, {name: found.get(name) for name in expected})
    await cancel(trial, socket, child)


async def _trades(trial: Trial, socket: StatusSocket, bought: Watched, launch: Launch) -> None:
    trial.narrator.step(f"{launch.symbol} trades: it is listed, and what was bought can be sold")
    tokens = (await trial.request("GET", "/api/tokens")).json()["tokens"]
    trial.check("it is among the tokens", True, launch.mint in [token["mint"] for token in tokens])
    opened = await listed(trial, status="open")
    trial.check("and among the launches that are open", True, launch.mint in [each.mint for each in opened])
    answer = await trial.post(_buy(launch.quote, target={"mint": launch.mint}))
    trial.check("an order that waits for it → 400", *_naming(answer, "target.mint"))
    placed, frames = await trial.confirm(
        socket, market_order(launch.symbol, launch.quote, _units(bought, launch), max_slippage=0.25)
    )
    sold = await look_up(trial, placed.order_id)
    trial.check("what was bought is sold", (bought.last["amount_out"], "confirmed"), (_sold(sold), frames[-1].status))


def _buy(token_in: str, **fields: object) -> Order:
    return sniper(token_in=token_in, amount=AMOUNTS[token_in], expires_in=GOOD_FOR_S, **fields)


def _naming(answer: Answer, field: str) -> tuple[str, str, bool]:
    return (f"400 naming {field}", *judged(answer, 400, field))


def _units(bought: Watched, launch: Launch) -> str:
    """Return what an order has received, in units of its token."""
    return f"{Decimal(bought.last['amount_out']).scaleb(-launch.decimals).normalize():f}"


def _sold(order: dict[str, Any]) -> str:
    """Return the atoms of its token that an order has sold."""
    paid = [int(fill["amount_in"]) for fill in order["fills"] if fill["token_in"] == order["token_in"]]
    return str(sum(paid))
