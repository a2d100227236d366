"""The key that cancels the order which is watched."""

import asyncio

import pytest

from local.client.api import Answer, Client, UnreachableError
from local.client.watch import Canceller
from tests.support.builders import ORDER_ID


class SlowClient(Client):
    """Answers a cancel when it may."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()

    async def cancel(self, order_id: str) -> Answer:
        self.asked.append(order_id)
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answer(status: int, body: bytes = b"{}") -> Answer:
    return Answer(status, "", {}, body, 0.0, 1.0)


def pressed(keys: str, answered: Answer | Exception) -> tuple[list[str], list[str]]:
    """Return which orders were cancelled and what was said, after keys were pressed one after the other."""

    async def press() -> tuple[list[str], list[str]]:
        client, said = SlowClient(answered), list[str]()
        canceller = Canceller(client, ORDER_ID, said.append)
        for key in keys:
            canceller.press(key)
            await asyncio.sleep(0)
        client.may_answer.set()
        await canceller.finish()
        return client.asked, said

    return asyncio.run(press())


@pytest.mark.parametrize("key", ["c", "C"])
def test_the_key_cancels_the_order_whose_end_then_is_among_its_statuses(key: str) -> None:
    assert pressed(key, answer(200)) == ([ORDER_ID], [])


@pytest.mark.parametrize("keys", ["", "x", "q\x1b[A"])
def test_no_other_key_does(keys: str) -> None:
    assert pressed(keys, answer(200)) == ([], [])


def test_pressed_again_before_the_answer_it_cancels_once() -> None:
    assert pressed("ccc", answer(200)) == ([ORDER_ID], [])


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (
            answer(202, b'{"status":"submitted"}'),
            "the cancel is requested: the order ends if its transaction, which is out, is refused",
        ),
        (
            answer(202, b'{"status":"open"}'),
            "the cancel is requested: the order ends when the slice under way has ended",
        ),
        (answer(409, b'{"detail":"order x has ended"}'), "not cancelled: 409 order x has ended"),
        (
            UnreachableError("http://127.0.0.1:1", OSError(111, "Connection refused")),
            "not cancelled: nothing answers at http://127.0.0.1:1: Connection refused."
            " Is the system running (make run)?",
        ),
    ],
)
def test_what_does_not_end_it_is_said(answered: Answer | Exception, said: str) -> None:
    assert pressed("c", answered) == ([ORDER_ID], [said])
