"""The records that were given up, of every account: listed, redriven to the function that gave them up, or discarded.

A person does the same with the command for dead letters; both go by `adapters.dead_letters`.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request, Response

from functions.tend_dead_letters.charges import charge_of
from functions.tend_dead_letters.documents import (
    DISCARDED_EXAMPLE,
    ENDED_EXAMPLE,
    LIST_EXAMPLE,
    REDRIVEN_EXAMPLE,
    DeadLetterList,
    Discarded,
    Redriven,
    list_of,
)
from orderflow.adapters.dead_letters import DeadLetter
from orderflow.errors import NoDeadLetterError, NoReaderError, OrderEndedError
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import answer, document_answers
from orderflow.runtime.http.problems import MEDIA_TYPE, OrderState, ProblemError, shown
from orderflow.runtime.http.query import KNOWN_QUERY, read_limit
from orderflow.runtime.http.responses import json_response
from orderflow.runtime.logging import get_logger

MOST_LISTED = 200
PATH = "/api/engine/dead-letters"
LETTER_PATH = f"{PATH}/{{partition}}/{{letter_id}}"
_NOT_THERE = {"description": "there is no such dead letter, or not any more"}
_ENDED: dict[str, Any] = {
    "description": "its order has ended, which no message changes any more; or no function reads its stream",
    "content": {MEDIA_TYPE: {"example": ENDED_EXAMPLE}},
}
logger = get_logger("tend_dead_letters")

app = http_app("tend_dead_letters", {"GET": "admin", "POST": "admin", "DELETE": "admin"}, charge_of)
document_answers(app, DeadLetterList, Redriven, Discarded)


@app.get(
    PATH,
    dependencies=KNOWN_QUERY,
    responses={
        200: answer(DeadLetterList, "the latest dead letters", example=LIST_EXAMPLE),
        400: {"description": "a limit that can't be used"},
    },
)
async def list_dead_letters(
    request: Request, limit: Annotated[str, Query(description=f"from 1 to {MOST_LISTED}")] = "50"
) -> Response:
    """List the records that were given up, the latest first, each with the order that it is about as it is now."""
    most = read_limit(limit, MOST_LISTED)
    account = caller(request).account
    return json_response(await async_clients.tending().run(_list, most, account=account))


@app.post(
    f"{LETTER_PATH}/redrive",
    dependencies=KNOWN_QUERY,
    responses={
        200: answer(Redriven, "its record is on its stream again", example=REDRIVEN_EXAMPLE),
        404: _NOT_THERE,
        409: _ENDED,
    },
)
async def redrive(request: Request, partition: str, letter_id: str) -> Response:
    """Put a dead letter's record back on its stream, for the function that gave it up and with all attempts before it.

    However often that is asked for, it happens once: then the letter is not there any more.
    """
    return json_response(Redriven(await _tend(request, "dead letter redriven", _redrive, partition, letter_id)))


@app.delete(
    LETTER_PATH,
    dependencies=KNOWN_QUERY,
    responses={200: answer(Discarded, "it is deleted", example=DISCARDED_EXAMPLE), 404: _NOT_THERE},
)
async def discard(request: Request, partition: str, letter_id: str) -> Response:
    """Delete a dead letter, whose record nothing will ever process then."""
    return json_response(Discarded(await _tend(request, "dead letter discarded", _discard, partition, letter_id)))


async def _tend(
    request: Request, message: str, work: Callable[[str], DeadLetter], partition: str, letter_id: str
) -> str:
    """Do `work` with a letter, have the log say who did, and return its name. Raises ProblemError."""
    who = caller(request)
    try:
        letter = await async_clients.tending().run(work, f"{partition}/{letter_id}", account=who.account)
    except NoDeadLetterError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, shown(str(error))) from error
    except NoReaderError as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from error
    except OrderEndedError as error:
        state = OrderState(error.status, error.sequence)
        raise ProblemError(HTTPStatus.CONFLICT, str(error), order=state) from error
    by = {"account": who.account, "key_id": who.key_id or None}
    logger.info(message, extra=by | {"letter": letter.name, "function": letter.function, "order_id": letter.order_id})
    return letter.name


def _list(most: int) -> DeadLetterList:
    return list_of(clients.dead_letters().latest(most))


def _redrive(name: str) -> DeadLetter:
    letters = clients.dead_letters()
    letter = letters.find(name)
    letters.redrive(letter)
    return letter


def _discard(name: str) -> DeadLetter:
    letters = clients.dead_letters()
    letter = letters.find(name)
    letters.discard(letter)
    return letter
