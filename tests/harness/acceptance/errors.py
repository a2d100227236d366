"""Suite: a client that sends bad input gets an answer that names the mistake, and no other client notices."""

import asyncio
import uuid

from local.client.api import EXECUTE_PATH
from tests.harness.acceptance.bad_input import JSON, MAX_BODY_BYTES, bad_inputs, padded_body
from tests.harness.acceptance.refusal import PROBLEM, check_refused, judged
from tests.harness.acceptance.socket_errors import check_sockets
from tests.harness.acceptance.trial import Trial, market_order

PURPOSE = "every bad input gets a clear error that names the field and the rule, and nothing is harmed"
SAME_KEY_AT_ONCE = 10


async def run(trial: Trial) -> None:
    """Send every bad order, path, method, id and frame, and repeat idempotent requests."""
    trial.narrator.step("orders that can't be accepted")
    for bad in bad_inputs():
        await check_refused(trial, bad)
    await _accepted_at_the_limits(trial)
    await _paths_and_methods(trial)
    await _idempotency(trial)
    await check_sockets(trial)
    await _still_well(trial)


async def _accepted_at_the_limits(trial: Trial) -> None:
    trial.narrator.step("orders that are just within the limits")
    whole = await trial.request("POST", EXECUTE_PATH, padded_body(MAX_BODY_BYTES), {"Content-Type": JSON})
    trial.check("a body of 64 KiB is accepted", 202, whole.status)
    charset = await trial.request(
        "POST", EXECUTE_PATH, padded_body(200), {"Content-Type": "application/json; charset=utf-8"}
    )
    trial.check("a content type with a charset is accepted", 202, charset.status)
    nine = await trial.post(market_order(amount="0.010000001"))
    trial.check("nine decimals of SOL are accepted", 202, nine.status)
    marked = await trial.request("POST", EXECUTE_PATH, b"\xef\xbb\xbf" + padded_body(200), {"Content-Type": JSON})
    trial.check("a byte order mark before the body is skipped", 202, marked.status)
    nulls = await trial.post(market_order(amount=0.01, max_slippage=None, client_order_id=None))
    trial.check("null for an optional field is not given", 202, nulls.status)
    double = await trial.post(market_order(amount=0.012345678901234567, max_slippage=0.0312345678901))
    trial.check("a double is accepted, whatever its digits", 202, double.status)
    mixed = await trial.post(market_order("sOl", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "0.01"))
    trial.check("a symbol in any case and a mint are accepted", 202, mixed.status)


async def _paths_and_methods(trial: Trial) -> None:
    trial.narrator.step("paths, methods, ids and questions that don't exist")
    unknown = uuid.uuid4()
    for method, path, statuses in (
        ("GET", "/nowhere", (404,)),
        ("GET", "/api/nothing", (404,)),
        ("PUT", EXECUTE_PATH, (405,)),
        ("POST", f"/api/orders/{unknown}", (405,)),
        ("DELETE", "/api/orders", (405,)),
        ("DELETE", EXECUTE_PATH, (404,)),
        ("DELETE", f"/api/orders/{unknown}", (404,)),
        ("DELETE", f"/api/orders/{unknown}?force=1", (400,)),
        ("GET", f"/api/orders/{unknown}", (404,)),
        ("GET", "/api/orders/not-an-id", (400, 404)),
        ("GET", "/api/orders/%00%ff", (400, 404)),
        ("GET", "/api/orders?limit=many", (400,)),
        ("GET", "/api/orders?cursor=rubbish", (400,)),
        ("GET", "/api/orders?status=lost", (400,)),
        ("GET", "/api/orders?order_type=iceberg", (400,)),
        ("GET", "/api/orders?open=yes", (400,)),
        ("GET", "/api/orders?parent_id=x", (400,)),
        ("GET", "/api/orders?state=failed", (400,)),
        ("GET", "/api/orders?limit=5&limit=5", (400,)),
        ("GET", "/api/tokens?symbol=SOL", (400,)),
        ("GET", "/api/quote?token_in=SOL&token_out=USDC&amount=1&amount=2", (400,)),
        ("GET", "/api/quote?token_in=SOL&token_out=USDC&amount=1e-10", (400,)),
        ("GET", "/api/quote?token_in=SOL&token_out=USDC", (400,)),
        ("GET", "/api/quote?token_in=SOL&token_out=DOGE&amount=1", (400,)),
        ("GET", "/api/quote?token_in=SOL&token_out=USDC&amount=-1", (400,)),
    ):
        answer = await trial.request(method, path)
        wanted = " or ".join(map(str, statuses))
        got, holds = judged(answer, answer.status)
        trial.check(f"{method} {path} → {wanted}", f"{wanted} {PROBLEM}", got, holds and answer.status in statuses)


async def _idempotency(trial: Trial) -> None:
    trial.narrator.step("the same request again under one Idempotency-Key")
    key = str(uuid.uuid4())
    order = market_order(amount="0.02")
    first = await trial.post(order, key)
    again = await trial.post(order, key)
    other = await trial.post(market_order(amount="0.03"), key)
    trial.check("same key, same body → the first answer again", (202, first.body), (again.status, again.body))
    got, holds = judged(other, 422)
    trial.check("same key, other body → 422", f"422 {PROBLEM}", got, holds)
    trial.narrator.remark(f"{SAME_KEY_AT_ONCE} times the same request at once, under a new key:")
    key = str(uuid.uuid4())
    answers = await asyncio.gather(*(trial.post(order, key) for _ in range(SAME_KEY_AT_ONCE)))
    ids = {str(answer.json()["order_id"]) for answer in answers if answer.status == 202}
    statuses = {answer.status for answer in answers}
    trial.check("they make one order", "one id", f"{len(ids)} ids", len(ids) == 1)
    trial.check("each is accepted, or has to wait (409)", "202 or 409", sorted(statuses), statuses <= {202, 409})


async def _still_well(trial: Trial) -> None:
    trial.narrator.step("after all that")
    health = await trial.request("GET", "/health")
    trial.check("the system is healthy", 200, health.status)
