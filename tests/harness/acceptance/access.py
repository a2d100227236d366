"""Suite: who may do what, by the key that a request or a socket comes with; how fast; and what its account sees."""

import asyncio
import os
import re
import time
from collections.abc import Callable
from functools import partial

from local.client.access import KEY_SETTING
from orderflow.domain.key_text import make_key_text
from tests.harness.acceptance.account_channel import follows_its_account, sees_nothing_of_others
from tests.harness.acceptance.revoked_key import ends_with_its_key
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, SuiteStoppedError, Trial, market_order
from tests.support.access_table import (
    CASES,
    SOCKET_CASES,
    Keys,
    RunKeys,
    Way,
    Who,
    make_keys,
    open_way,
    require_answer,
    require_socket_answer,
    require_tickets,
)

PURPOSE = "each request and each socket is answered by its key: what it may do, how fast, and with whose orders"
ONE_KEY: frozenset[Who] = frozenset(("nobody", "trader", "unknown", "mistyped", "other scheme"))
"""Who can be played where there is one key, and none can be made."""
POLICY = re.compile(r'"reads";q=\d+;w=\d+')
POLL_S = 0.5
LEFT = re.compile(r'"reads";r=\d+;t=\d+')


async def run(trial: Trial) -> None:
    """Hold a system to the table of answers, and to its limits, tickets, the account's channel, and a key that ends.

    Without a way to make keys only what one key can show is tried; where nobody needs one there is nothing to try.
    """
    async with trial.with_key("") as nobody:
        answer = await nobody.request("GET", "/api/orders")
    if answer.status == 200:
        trial.check("without AUTH=keys everybody may", 200, answer.status)
        trial.left_out("keys", "a system that asks for them: AUTH=keys")
        return
    trial.check("who has no key is not let in", 401, answer.status)
    keys = await _keys_of(trial)
    if keys is None:
        trial.left_out("all else", f"a key in {KEY_SETTING}")
        return
    async with trial.with_key(keys.trader) as trader:
        await _table(trial, keys)
        await _says_what_is_left(trader)
        await follows_its_account(trader)
        if trial.run_keys is None:
            trial.left_out("limits, another account's view of the channel, a key that ends", "more keys than one")
            return
        await _is_limited(trial, trial.run_keys)
        async with trial.with_key(keys.stranger) as stranger:
            await sees_nothing_of_others(trader, stranger)
        await ends_with_its_key(trial, trial.run_keys)


async def _keys_of(trial: Trial) -> Keys | None:
    if trial.run_keys is not None:
        return await asyncio.to_thread(make_keys, trial.run_keys)
    key = os.environ.get(KEY_SETTING, "").strip()
    nobodys = (make_key_text("test")[0] for _ in Keys._fields[1:])
    return Keys(key, *nobodys) if key else None


async def _table(trial: Trial, keys: Keys) -> None:
    """Try what the tests of all ways to run hold, as far as there are keys for it."""
    trial.narrator.step("the table of answers")
    challenges = trial.run_keys is not None  # API Gateway does not say in a header what it wants
    try:
        way: Way = await asyncio.to_thread(open_way, trial.client.base_url, keys, challenges=challenges)
    except AssertionError as error:
        raise SuiteStoppedError(f"the key can't place an order, as this suite has to: {error}") from error
    everyone = trial.run_keys is not None
    for case in CASES:
        if everyone or case.who in ONE_KEY:
            claim = f"{case.who}: {case.method} {case.path} → {case.status}"
            await _holds(trial, claim, partial(require_answer, way, case))
    if trial.client.socket_url is not None:
        trial.left_out("the table of sockets", "sockets below the base URL")
        return
    for socket_case in SOCKET_CASES:
        if everyone or socket_case.who in ONE_KEY:
            claim = f"socket of {socket_case} → {socket_case.status}"
            await _holds(trial, claim, partial(require_socket_answer, way, socket_case))
    if everyone:
        await _holds(trial, "a ticket opens one socket, and only a key gets one", partial(require_tickets, way))


async def _holds(trial: Trial, claim: str, require: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(require)
    except AssertionError as error:
        trial.check(claim, "as the table says", str(error) or "something else")
    else:
        trial.check(claim, "as the table says", "as the table says")


async def _says_what_is_left(trader: Trial) -> None:
    trader.narrator.step("an answer says what its account may still spend")
    headers = (await trader.request("GET", "/api/tokens")).headers
    for name, form in (("RateLimit-Policy", POLICY), ("RateLimit", LEFT)):
        said = headers.get(name, "")
        trader.check(f"in {name}", form.pattern, said, bool(form.fullmatch(said)))


async def _is_limited(trial: Trial, run_keys: RunKeys) -> None:
    trial.narrator.step("two orders at once, and one in two seconds")
    words = ("add", "--account", "slow", "--orders", "0.5/s:2")
    async with trial.with_key((await asyncio.to_thread(run_keys, *words)).strip()) as slow:
        answers = [await slow.post(market_order(amount=0.01)) for _ in range(3)]
        refused = answers[-1]
        said = refused.json()
        trial.check("the third is too fast", [202, 202, 429], [answer.status for answer in answers])
        trial.check(
            "by the limit that it says", ("orders", True), (said.get("limit"), said.get("retry_after_ms", 0) > 0)
        )
        trial.check(
            "and says in whole seconds when to come again",
            str(-(-said.get("retry_after_ms", 0) // 1000)),
            refused.headers.get("Retry-After"),
        )
        await asyncio.sleep(said.get("retry_after_ms", 0) / 1000)
        last = await slow.post(market_order(amount=0.01))
        trial.check("then it passes", 202, last.status)
        made = {answer.json().get("order_id") for answer in (*answers[:2], last)}
        trial.check("and what was refused has made no order", made, await _listed(slow, len(made)))


async def _listed(trial: Trial, count: int) -> set[str]:
    """Return the orders of an account once the ledger has so many, or those that it has when it never does."""
    until = time.monotonic() + LAST_STATUS_TIMEOUT_S
    while True:
        listed = {order["order_id"] for order in (await trial.request("GET", "/api/orders")).json()["orders"]}
        if len(listed) >= count or time.monotonic() > until:
            return listed
        await asyncio.sleep(POLL_S)
