"""`python -m local watch`: places an order, or takes one that exists, and prints its statuses as they come."""

import argparse
import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp
from rich.console import Console
from rich.text import Text

from local.client.api import Answer, Client
from local.client.command_line import INTERRUPTED, base_url_argument
from local.client.status_socket import Frame, StatusSocket
from local.run.running_system import find
from orderflow.domain.amounts import to_units
from orderflow.domain.tokens import find_token
from orderflow.errors import OrderflowError

DEFAULT_URL = "http://127.0.0.1:3000"
_STYLES = {"confirmed": "bold green", "failed": "bold red"}
_INDENT = " " * 26


class NotAcceptedError(OrderflowError):
    """The order was refused; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = "Place a market order and follow it live, or follow one that exists already."
    parser.add_argument("--token-in", default="SOL", help="what to sell: symbol or mint (default: %(default)s)")
    parser.add_argument("--token-out", default="USDC", help="what to buy (default: %(default)s)")
    parser.add_argument("--amount", default="1.5", help="how much of token-in to sell (default: %(default)s)")
    parser.add_argument("--max-slippage", help="the most the price may move, such as 0.05")
    parser.add_argument("--order", metavar="ID", help="follow this order instead of placing one")
    parser.add_argument(
        "--timeout", type=float, default=120.0, help="seconds to wait for the end (default: %(default)g)"
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
        problem = f"no last status within {arguments.timeout:g} s"
    except (OrderflowError, aiohttp.ClientError) as error:
        problem = str(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    Console(stderr=True).print(f"watch: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


async def _watch(base_url: str, arguments: argparse.Namespace, console: Console) -> int:
    async with Client(base_url) as client, client.open_socket() as socket:
        if arguments.order:
            order_id, began = arguments.order, None
            _print(console, f"order {order_id} at {base_url}")
        else:
            began = time.perf_counter()
            order_id = await _place(client, arguments, console)
        frame = await _follow(socket, order_id, began, arguments.timeout, console)
    return 0 if frame.status == "confirmed" else 1


async def _place(client: Client, arguments: argparse.Namespace, console: Console) -> str:
    order: dict[str, object] = {
        "token_in": arguments.token_in,
        "token_out": arguments.token_out,
        "amount": arguments.amount,
        "order_type": "market",
    }
    if arguments.max_slippage is not None:
        order["max_slippage"] = _number(arguments.max_slippage)
    allowed = arguments.max_slippage or "0.05, the default"
    _print(
        console,
        f"market order at {client.base_url}: {arguments.amount} {arguments.token_in} → {arguments.token_out},"
        f" slippage at most {allowed}",
    )
    answer = await client.execute(order)
    if answer.status != 202:
        raise NotAcceptedError(f"the order was refused: {describe_problem(answer)}")
    order_id = str(answer.json()["order_id"])
    _print(console, _line(answer.elapsed_ms, "accepted", f"order {order_id}"))
    return order_id


async def _follow(
    socket: StatusSocket, order_id: str, began: float | None, timeout_s: float, console: Console
) -> Frame:
    await socket.subscribe(order_id)
    first: Frame | None = None
    token_out: str | None = None
    async for frame in socket.follow(order_id, timeout_s):
        first = first or frame
        if "error" in frame.content:
            raise NotAcceptedError(f"order {order_id}: {frame.content['error']}")
        # Of an order that another client placed, only the system's own clock shows how old a status is.
        elapsed_ms = (
            (frame.received_at - began) * 1000 if began is not None else between_ms(first.content, frame.content)
        )
        token_out = token_bought(frame.content) or token_out
        for line in describe(frame.content, elapsed_ms, token_out):
            _print(console, line, _STYLES.get(frame.status or "", ""))
    return frame


def describe(frame: Mapping[str, Any], elapsed_ms: float, token_out: str | None = None) -> list[str]:
    """Return the lines for one status: its time and its details (quotes, price, transaction, reason).

    Amounts are in atoms of `token_out`, and stay so when that is not known.
    """
    status = str(frame.get("status"))
    notes: list[str] = []
    if frame.get("execution_price") is not None:
        notes.append(f"price {frame['execution_price']}")
    if frame.get("minimum_out") is not None:
        notes.append(f"at least {in_units(frame['minimum_out'], token_out)}")
    if frame.get("reason"):
        notes.append(str(frame["reason"]))
    if frame.get("tx_hash"):
        notes.append(f"tx {frame['tx_hash']}")
    return [_line(elapsed_ms, status, " · ".join(notes)), *_quotes(frame, token_out)]


def _quotes(frame: Mapping[str, Any], token_out: str | None) -> list[str]:
    route = frame.get("route")
    if not route:
        return []
    lines = [
        f"{_INDENT}{quote['venue']:<9} "
        + (quote.get("error") or f"{in_units(quote['amount_out'], token_out)}, at {quote['price']}")
        for quote in route["quotes"]
    ]
    return [*lines, *_legs(route)]


def _legs(route: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{_INDENT}{leg['share_bps'] / 100:6.2f} % {leg['token_in']} → {leg['token_out']} through {leg['pool']}"
        for leg in route["legs"]
    ]
    gain = f"{route['improvement_bps']} bp better than the best venue alone" if route.get("improvement_bps") else ""
    impact = f"price impact {float(route['price_impact']):.4%}"
    return [*lines, f"{_INDENT}best: {', '.join(part for part in (route['venue'], impact, gain) if part)}"]


def token_bought(frame: Mapping[str, Any]) -> str | None:
    """Return the token that a route ends in, when the frame has a route."""
    legs = (frame.get("route") or {}).get("legs")
    return str(legs[-1]["token_out"]) if legs else None


def in_units(atoms: str | int, symbol: str | None) -> str:
    """Return an amount of atoms in units of its token, or as it is when the token is not known here."""
    token = find_token(symbol) if symbol else None
    return f"{to_units(int(atoms), token):,f} {token.symbol}" if token else f"{int(atoms):,} atoms"


def describe_problem(answer: Answer) -> str:
    """Return a refusal in a line: the fields and their rules where the answer names them."""
    try:
        problem = answer.json()
        errors = [f"{error['field']} {error['rule']}" for error in problem.get("errors") or []]
        return f"{answer.status} {'; '.join(errors) or problem.get('detail') or problem.get('title')}"
    except (ValueError, KeyError, AttributeError):
        return f"{answer.status} {answer.body[:200].decode(errors='replace')}"


def between_ms(first: Mapping[str, Any], later: Mapping[str, Any]) -> float:
    """Return how long after the first of an order's frames a later one was made."""
    times = [datetime.fromisoformat(str(frame["timestamp"])) for frame in (first, later)]
    return (times[1] - times[0]).total_seconds() * 1000


def _line(elapsed_ms: float, status: str, note: str) -> str:
    return f"{elapsed_ms:10,.0f} ms  {status:<11} {note}".rstrip()


def _number(text: str) -> float | str:
    """Return the text as a number, or as it is where it is none, so that the API says what is wrong with it."""
    try:
        return float(text)
    except ValueError:
        return text


def _print(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=True)
