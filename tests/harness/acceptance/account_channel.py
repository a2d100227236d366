"""Steps of the suite `access`: a socket that follows all orders of its account, and resumes where it was cut off."""

from collections.abc import Sequence

import orjson

from local.client.status_socket import FULL_COURSE, Frame, StatusSocket
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, SuiteStoppedError, Trial, drain, market_order

QUIET_S = 1.5
AHEAD = 10**9


async def follows_its_account(trader: Trial) -> None:
    """Follow one order live, miss another one, and have what was missed brought by a resume."""
    trader.narrator.step("a socket that subscribes to the channel `orders`")
    async with trader.socket() as socket:
        began = await _subscribe(trader, socket)
        placed = await trader.place(market_order(amount=0.01))
        live = await _events_until_end(trader, socket, placed.order_id)
        last = began.content["sequence"] + len(live)
        _check(trader, placed.order_id, began.content["sequence"], live)
    missed = await trader.place(market_order(amount=0.01))
    trader.narrator.step("the same after a lost connection, with resume")
    async with trader.socket() as socket:
        await _subscribe(trader, socket, resume=last)
        _check(trader, missed.order_id, last, await _events_until_end(trader, socket, missed.order_id))
    async with trader.socket() as socket:
        refused = await _subscribe(trader, socket, resume=AHEAD)
        trader.check("a resume of what never was", "resume is ahead of the sequence", refused.content.get("error"))


async def sees_nothing_of_others(trader: Trial, stranger: Trial) -> None:
    """Follow another account while the trader's order is executed."""
    trader.narrator.step("the channel of another account")
    async with trader.socket(narrate=False) as own, stranger.socket(narrate=False) as others:
        await _subscribe(stranger, others)
        await trader.place_to("confirmed", own, market_order(amount=0.01))
        trader.check("has nothing of that order", [], [frame.content for frame in await drain(others, QUIET_S)])


async def _subscribe(trial: Trial, socket: StatusSocket, **resume: int) -> Frame:
    frame = orjson.dumps({"action": "subscribe", "channel": "orders", **resume}).decode()
    trial.narrator.sent(frame)
    await socket.send_text(frame)
    answer = await socket.receive(LAST_STATUS_TIMEOUT_S)
    trial.narrator.remark(f"socket ← {answer.content}")
    if "error" not in answer.content:
        trial.check("is answered with the sequence", (True, True), _is_subscribed(answer))
    return answer


def _is_subscribed(answer: Frame) -> tuple[bool, bool]:
    return answer.content.get("subscribed") is True, isinstance(answer.content.get("sequence"), int)


async def _events_until_end(trial: Trial, socket: StatusSocket, order_id: str) -> Sequence[Frame]:
    """Return the frames up to the end of an order; raises SuiteStoppedError when that does not come."""
    frames: list[Frame] = []
    try:
        while not (frames and frames[-1].content.get("event", {}).get("order_id") == order_id and _ends(frames[-1])):
            frames.append(await socket.receive(LAST_STATUS_TIMEOUT_S))
            trial.narrator.remark(f"socket ← {frames[-1].content}")
    except TimeoutError:
        raise SuiteStoppedError(f"the channel has no end of {order_id}") from None
    return frames


def _ends(frame: Frame) -> bool:
    return Frame(frame.content["event"], frame.received_at).is_last


def _check(trial: Trial, order_id: str, after: int, frames: Sequence[Frame]) -> None:
    sequences = [frame.content.get("sequence") for frame in frames]
    trial.check("brings one sequence after the other", list(range(after + 1, after + 1 + len(frames))), sequences)
    events = [frame.content["event"] for frame in frames if frame.content["event"]["order_id"] == order_id]
    steps = [event["sequence"] for event in events]
    trial.check("with every status of the order, in order", list(range(1, len(steps) + 1)), steps)
    statuses = [event["status"] for event in events]
    trial.check("from the first", FULL_COURSE[0], statuses[0] if statuses else None)
