"""The mock market by hand, on this machine only: POST /api/market/advance lets slots pass where CLOCK is manual."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Protocol, runtime_checkable

import msgspec
from fastapi import FastAPI, Request, Response

from orderflow.errors import ConfigurationError
from orderflow.runtime import clients, market_time
from orderflow.runtime.http.app import http_app
from orderflow.runtime.http.body import read_body
from orderflow.runtime.http.problems import invalid
from orderflow.runtime.http.responses import json_response

PATH = "/api/market/advance"
METHOD = "POST"
MOST_SLOTS = 10_000


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many slots are to pass."""

    slots: Annotated[int, msgspec.Meta(ge=1, le=MOST_SLOTS)]


@runtime_checkable
class MarketByHand(Protocol):
    """A venue family whose time passes by hand."""

    def advance(self, slots: int, is_needed: Callable[[], bool]) -> int:
        """Let so many slots pass, each with a block of its own; return the slot that was reached."""


def market_app() -> FastAPI:
    """Return the application that serves PATH to callers who may let slots pass."""
    app = http_app("gateway", {"POST": "market"})

    @app.post(PATH)
    async def advance(request: Request) -> Response:
        """Let slots pass, and say which is reached."""
        try:
            asked = msgspec.json.decode(await read_body(request), type=Advance)
        except msgspec.DecodeError as error:
            raise invalid("slots", f'must be a whole number from 1 to {MOST_SLOTS}, as in {{"slots":10}}') from error
        return json_response({"slot": await asyncio.to_thread(_advance, asked.slots)})

    return app


def _advance(slots: int) -> int:
    venue = clients.venue()
    if not isinstance(venue, MarketByHand):
        raise ConfigurationError("VENUE is not the mock market, so its slots don't pass by hand")
    return venue.advance(slots, market_time.is_needed)
