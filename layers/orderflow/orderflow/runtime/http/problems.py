"""Answers errors as `application/problem+json` (RFC 9457), naming the field and the rule where there is one."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec
import redis
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from orderflow.errors import ConfigurationError, OverloadedError, RetryableError
from orderflow.runtime.faults import Answer, Application, Faults
from orderflow.runtime.refusals import Refusals

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"retry-after": "1"}
MAX_ERRORS = 10
MAX_SHOWN = 64


class FieldError(msgspec.Struct, frozen=True):
    """A field of the request and the rule that it breaks."""

    field: str
    rule: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document; `limit` names what the engine's load is beyond, or what the account has too little left of.

    In `retry_after_ms` the account has enough. Where an order stands in the way as it is, `order_status` and `sequence`
    say how that is.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()
    limit: str | None = None
    order_status: str | None = None
    sequence: int | None = None
    retry_after_ms: int | None = None


class OrderState(NamedTuple):
    """The status and the sequence of an order."""

    status: str
    sequence: int


class ProblemError(Exception):
    """The request can't be served; raised anywhere below a route, answered as a problem document.

    `order` is the state of the order that stands in the way, `limit` the limit of the account, which has enough of it
    in `retry_after_ms`; None: never.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        order: OrderState | None = None,
        limit: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.order = order
        self.limit = limit
        self.retry_after_ms = retry_after_ms

    @property
    def answer(self) -> Response:
        """The problem document that the request is answered with."""
        return problem(self.status, self.detail, self.errors, self.headers, self.limit, self.order, self.retry_after_ms)


def invalid(field: str, rule: str) -> ProblemError:
    """Return the error of one field that breaks a rule."""
    return ProblemError(HTTPStatus.BAD_REQUEST, f"{field} {rule}", (FieldError(field, rule),))


def refused(errors: Iterable[FieldError]) -> ProblemError:
    """Return the error of fields that break rules; it names the first ten of them, and counts the others."""
    every = tuple(errors)
    named, more = every[:MAX_ERRORS], len(every) - MAX_ERRORS
    detail = "; ".join(f"{found.field} {found.rule}" for found in named)
    return ProblemError(HTTPStatus.BAD_REQUEST, detail + (f"; and {more} more" if more > 0 else ""), named)


def shown(text: str) -> str:
    """Return what a client sent as an answer may repeat it: at most 64 characters, and none that UTF-8 can't write."""
    short = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    return short.encode(errors="backslashreplace").decode()


def problem(
    status: int,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    headers: dict[str, str] | None = None,
    limit: str | None = None,
    order: OrderState | None = None,
    retry_after_ms: int | None = None,
) -> Response:
    """Return a problem document as a response."""
    written = detail.encode(errors="replace").decode()  # it may quote half a character
    state = order or (None, None)
    of_status = ("about:blank", HTTPStatus(status).phrase, int(status))
    document = Problem(*of_status, written, errors, limit, state[0], state[1], retry_after_ms)
    return Response(msgspec.json.encode(document), status, headers, MEDIA_TYPE)


def overloaded(limit: str) -> Response:
    """Return the answer to what would take the engine beyond `limit`, and can be tried again."""
    detail = f"the engine carries no more right now ({limit}); try again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_AFTER, limit=limit)


def without_faults(app: Application, service: str) -> Faults:
    """Return `app` with every error that it lets through answered as a problem document: 500, or 503 at the end."""
    failed = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; the log says what")
    stopped = problem(HTTPStatus.SERVICE_UNAVAILABLE, "the service stops; try again", headers=RETRY_AFTER)
    return Faults(app, service, _answer(failed), _answer(stopped))


def _answer(response: Response) -> Answer:
    return Answer(response.status_code, dict(response.headers), bytes(response.body))


def answer_problems(app: FastAPI, service: str) -> None:
    """Have `app` answer every error, its own and the framework's, as a problem document.

    The log has a line for each kind of refusal, under the name `service`.
    """
    refusals = Refusals(service)
    app.add_middleware(without_faults, service=service)

    @app.exception_handler(ProblemError)
    async def known(_request: Request, error: ProblemError) -> Response:
        return error.answer

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        path = shown(request.scope["path"])
        if error.status_code == HTTPStatus.NOT_FOUND:
            detail = f"there is nothing at {path}"
        elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            detail = f"{path} does not take {shown(request.method)}"
        else:
            detail = str(error.detail)
        return problem(error.status_code, detail, headers=dict(error.headers or {}))

    @app.exception_handler(OverloadedError)
    async def too_much(_request: Request, error: OverloadedError) -> Response:
        refusals.note(error.limit, error.where)
        return overloaded(error.limit)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # the client has left

    async def unavailable(request: Request, error: Exception) -> Response:
        refusals.note("unavailable", f"{request.method} {shown(request.scope['path'])}: {error}")
        detail = "the service can't keep your request right now; try again"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_AFTER)

    for kind in (RetryableError, ConfigurationError, redis.RedisError, OSError):
        app.add_exception_handler(kind, unavailable)


async def answer_to(request: Request, error: Exception) -> Response:
    """Return what `request` is answered when its route raises `error`, and log it as then.

    Raises an error that has no answer of its own.
    """
    handlers: Mapping[type, Callable[[Request, Exception], Awaitable[Response]]] = request.app.exception_handlers
    for kind in type(error).__mro__:
        if kind in handlers:
            return await handlers[kind](request, error)
    raise error


async def problem_of(request: Request, error: Exception) -> Problem:
    """Return the problem document that `answer_to` answers with: of one among many things that `request` asks for."""
    response = await answer_to(request, error)
    return msgspec.json.decode(response.body, type=Problem)
