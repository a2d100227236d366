"""Reads what clients send: a frame's text in, what it asks for or the problem with it out."""

import re
from contextlib import suppress
from typing import Annotated
from uuid import UUID

import msgspec

from orderflow.adapters.feeds import CHANNELS as FEEDS
from orderflow.adapters.reports import CHANNELS as REPORTS
from orderflow.adapters.sockets import MAX_SEQUENCE

CHANNELS = (*FEEDS, *REPORTS)
USAGE = (
    'send an order id, or {"action": "subscribe" | "unsubscribe" | "ping", '
    '"order_id": … or "channel": "orders" | "market" | "engine"}'
)
ACTIONS = ("subscribe", "unsubscribe", "ping")

_BLANK = " \t\r\n\f\v\ufeff"
# What UUID takes, without the digits of other scripts and the underscores that it takes too.
_ORDER_ID = re.compile(r"(urn:uuid:)?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_KINDS: dict[type, str] = {
    list: "an array",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "another text in quotation marks",
}


class Command(msgspec.Struct, frozen=True):
    """What a frame asks for: of an order, or of a `channel`, from the sequence after `resume` on."""

    action: str
    order_id: str | None = ""
    channel: str = ""
    resume: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQUENCE)] | None = None


def read_command(text: str) -> Command | str:
    """Return what a frame asks for, or the problem with it in words.

    An order id may be in quotation marks, as JSON.stringify writes it, and between blanks or byte order marks.
    """
    text = text.strip(_BLANK)
    if not text:
        return USAGE
    if read_order_id(text):
        return Command("subscribe", text)
    if not text.startswith(("{", "[", '"')):
        with suppress(msgspec.DecodeError, RecursionError):
            return _not_an_object(msgspec.json.decode(text))
        return Command("subscribe", text)
    try:
        document = msgspec.json.decode(text)
        if isinstance(document, str) and read_order_id(document):
            return Command("subscribe", document)
        if not isinstance(document, dict):
            return _not_an_object(document)
        command = msgspec.convert(document, Command)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        return f"{error}; {USAGE}"
    if command.action not in ACTIONS:
        return f"unknown action {command.action[:32]!r}; {USAGE}"
    return _problem_with(command) or command


def read_order_id(text: str) -> str | None:
    """Return an order id as the engine writes it, or None when `text` is none."""
    text = text.strip(_BLANK)
    return str(UUID(text)) if _ORDER_ID.fullmatch(text) else None


def _problem_with(command: Command) -> str:
    if command.action == "ping":
        return ""
    if command.order_id is None:
        return f"order_id is null; {USAGE}"
    if command.channel and command.order_id:
        return f"either order_id or channel; {USAGE}"
    if command.channel and command.channel not in CHANNELS:
        return f"unknown channel {command.channel[:32]!r}; {USAGE}"
    if command.resume is not None and command.channel not in FEEDS:
        return f"resume goes with the channel {FEEDS[0]}; {USAGE}"
    return ""


def _not_an_object(document: object) -> str:
    return f"a frame is an order id or an object, not {_KINDS.get(type(document), 'null')}; {USAGE}"
