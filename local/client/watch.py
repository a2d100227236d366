"""`python -m local watch`: places an order, or takes one that exists, and prints its statuses as they come."""

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from rich.console import Console
from rich.text import Text

from local.client.api import Client, order_path
from local.client.command_line import INTERRUPTED, base_url_argument
from local.client.keys import pressed_keys
from local.client.order_arguments import add_order_arguments, described, order_from
from local.client.status_lines import INDENT, between_ms, describe, describe_problem, line
from local.client.status_socket import Frame, StatusSocket
from local.run.running_system import find
from orderflow.domain.tokens import Token
from orderflow.errors import OrderflowError

DEFAULT_URL = "http://127.0.0.1:3000"
MARKET_TIMEOUT_S = 120.0
LONGEST_S = 366 * 24 * 60 * 60.0
"""No order is good for longer than a year."""
CANCEL_KEY = "c"
_STYLES = {"confirmed": "bold green", "failed": "bold red", "cancelled": "bold yellow", "expired": "bold yellow"}


class NotAcceptedError(OrderflowError):
    """The order was refused; the message says why."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The order that is followed, its tokens where they are known, and when it was posted, if it was here.

    `began` is on the clock of `time.perf_counter`.
    """

    order_id: str
    token_in: str | None = None
    token_out: str | None = None
    began: float | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Place an order and follow it live, or follow one that exists already. On a terminal, the key c cancels it."
    )
    parser.add_argument("--order", metavar="ID", help="follow this order instead of placing one")
    add_order_arguments(parser)
    parser.add_argument(
        "--timeout",
        type=float,
        help=f"seconds to wait for the end (default: {MARKET_TIMEOUT_S:g} for a market order, else none)",
    )
    parser.add_argument(
        "--base-url",
        type=base_url_argument,
        help=f"where the system is (default: the one that runs in ORDERFLOW_HOME, or {DEFAULT_URL})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Follow the order; return 0 when it confirmed and 1 otherwise."""
    console = Console()
    running = find(arguments.base_url)
    base_url = running.url if running else DEFAULT_URL
    try:
        return asyncio.run(_watch(base_url, arguments, console))
    except TimeoutError:
        problem = f"no last status within {_timeout_s(arguments):g} s"
    except (OrderflowError, aiohttp.ClientError) as error:
        problem = str(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    Console(stderr=True).print(f"watch: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


async def _watch(base_url: str, arguments: argparse.Namespace, console: Console) -> int:
    async with Client(base_url) as client, client.open_socket() as socket:
        if arguments.order:
            _print(console, f"order {arguments.order} at {base_url}")
            watched = await _known(client, arguments.order)
        else:
            watched = await _place(client, order_from(arguments), console)
        canceller = Canceller(client, watched.order_id, lambda text: _print(console, f"{INDENT}{text}"))
        with pressed_keys(canceller.press) as is_terminal:
            if is_terminal:
                _print(console, f"{INDENT}{CANCEL_KEY} cancels the order, Ctrl-C leaves it and ends")
            frame = await _follow(socket, watched, _timeout_s(arguments), console)
        await canceller.finish()
    return 0 if frame.status == "confirmed" else 1


def _timeout_s(arguments: argparse.Namespace) -> float:
    if arguments.timeout is not None:
        return float(arguments.timeout)
    waits = arguments.order or arguments.order_type != "market"
    return LONGEST_S if waits else MARKET_TIMEOUT_S


async def _known(client: Client, order_id: str) -> Watched:
    """Return an order that exists with its tokens, as far as the system knows it."""
    answer = await client.get(order_path(quote(order_id, safe="")))
    order = answer.json() if answer.status == 200 else {}
    return Watched(order_id, order.get("token_in"), order.get("token_out"))


async def _place(client: Client, order: Mapping[str, Any], console: Console) -> Watched:
    began = time.perf_counter()
    _print(console, f"{described(order)}; at {client.base_url}")
    answer = await client.execute(order)
    if answer.status != 202:
        raise NotAcceptedError(f"the order was refused: {describe_problem(answer)}")
    order_id = str(answer.json()["order_id"])
    _print(console, line(answer.elapsed_ms, "accepted", f"order {order_id}"))
    return Watched(order_id, str(order["token_in"]), order.get("token_out"), began)


class Canceller:
    """Cancels an order when its key is pressed, and says what the system has answered."""

    def __init__(self, client: Client, order_id: str, say: Callable[[str], None]) -> None:
        self._client = client
        self._order_id = order_id
        self._say = say
        self._cancelling: asyncio.Task[None] | None = None

    def press(self, key: str) -> None:
        """Cancel the order if that is the key, and it is not being cancelled already."""
        if key.lower() == CANCEL_KEY and (self._cancelling is None or self._cancelling.done()):
            self._cancelling = asyncio.create_task(self._cancel())

    async def finish(self) -> None:
        """Return when what was begun is done."""
        if self._cancelling is not None:
            await self._cancelling

    async def _cancel(self) -> None:
        try:
            answer = await self._client.cancel(self._order_id)
        except (OrderflowError, aiohttp.ClientError) as error:
            self._say(f"not cancelled: {error}")
            return
        if answer.status == 202:
            out = answer.json().get("status") == "submitted"
            when = "if its transaction, which is out, is refused" if out else "when the slice under way has ended"
            self._say(f"the cancel is requested: the order ends {when}")
        elif answer.status != 200:
            self._say(f"not cancelled: {describe_problem(answer)}")


async def _follow(socket: StatusSocket, watched: Watched, timeout_s: float, console: Console) -> Frame:
    await socket.subscribe(watched.order_id)
    first: Frame | None = None
    token_out: str | Token | None = watched.token_out
    async for frame in socket.follow(watched.order_id, timeout_s):
        first = first or frame
        if "error" in frame.content:
            raise NotAcceptedError(f"order {watched.order_id}: {frame.content['error']}")
        # Of an order that another client placed, only the system's own clock shows how old a status is.
        if watched.began is not None:
            elapsed_ms = (frame.received_at - watched.began) * 1000
        else:
            elapsed_ms = between_ms(first.content, frame.content)
        if "launch" in frame.content:
            token_out = Token(**frame.content["launch"]["token"])  # it is in no list
        for text in describe(frame.content, elapsed_ms, token_out, watched.token_in):
            _print(console, text, _STYLES.get(frame.status or "", ""))
    return frame


def _print(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=True)
