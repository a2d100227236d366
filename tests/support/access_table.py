"""The table of answers: who asks for what with which credential, and how it is answered, alike on every way to run.

A way is a base URL and keys that were made for it; its sockets are at another URL where another program serves them.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import aiohttp
import pytest

from local.client.api import EXECUTE_PATH, JSON, STATUS_PATH
from orderflow.domain.key_text import make_key_text
from tests.support.placed_orders import ORDER

ANSWER_S = 180.0
"""A function in a container may start only now."""
TICKETS_PATH = "/api/sockets/tickets"
ELSEWHERE = "192.0.2.0/24"
"""A network for documentation, from which nobody comes."""

Who = Literal[
    "nobody", "trader", "reader", "stranger", "operator", "revoked", "elsewhere", "unknown", "mistyped", "other scheme"
]
REFUSED: tuple[Who, ...] = ("revoked", "elsewhere", "unknown", "mistyped", "other scheme")


class Keys(NamedTuple):
    """Keys as their holders have them: of one account but the stranger's and the operator's.

    The last two are no longer good, or not from here.
    """

    trader: str
    reader: str
    stranger: str
    operator: str
    revoked: str
    elsewhere: str


RunKeys = Callable[..., str]
"""Runs the command for keys with some words, and returns what it prints."""


def make_keys(run: RunKeys) -> Keys:
    """Make the keys of the table, by the command that operators use."""
    trader = run("add", "--account", "alpha", "--permissions", "read,trade").strip()
    reader = run("add", "--account", "alpha", "--permissions", "read").strip()
    stranger = run("add", "--account", "beta", "--permissions", "read,trade").strip()
    operator = run("add", "--account", "gamma", "--permissions", "admin").strip()
    revoked = run("add", "--account", "alpha", "--permissions", "read,trade").strip()
    elsewhere = run("add", "--account", "alpha", "--permissions", "read,trade", "--networks", ELSEWHERE).strip()
    run("revoke", revoked.split("_")[2])
    return Keys(trader, reader, stranger, operator, revoked, elsewhere)


@dataclass(frozen=True)
class Way:
    """A running system; `order_id` is an order of the trader's. API Gateway and SAM challenge nobody in a header."""

    base_url: str
    keys: Keys
    order_id: str
    socket_url: str
    challenges: bool

    def authorization(self, who: Who) -> dict[str, str]:
        """Return the header by which `who` says whom a request is from."""
        match who:
            case "nobody":
                return {}
            case "unknown":
                return {"Authorization": f"Bearer {make_key_text('test')[0]}"}
            case "mistyped":
                return {"Authorization": f"Bearer {self.keys.trader[:-1]}"}
            case "other scheme":
                return {"Authorization": f"Basic {self.keys.trader}"}
        return {"Authorization": f"Bearer {getattr(self.keys, who)}"}


def open_way(base_url: str, keys: Keys, socket_url: str | None = None, *, challenges: bool = True) -> Way:
    """Return a way on which the trader has placed an order."""
    sockets = (socket_url or base_url).replace("http", "ws", 1)
    way = Way(base_url, keys, "", sockets, challenges)
    status, _, body = asyncio.run(_ask(way, "trader", "POST", EXECUTE_PATH, ORDER))
    assert status == 202, body
    return Way(base_url, keys, json.loads(body)["order_id"], sockets, challenges)


@dataclass(frozen=True)
class Case:
    """A request and its answer; `{order}` in a path is the trader's order."""

    what: str
    who: Who
    method: str
    path: str
    status: int
    body: Mapping[str, object] | None = None
    says: Mapping[str, object] = field(default_factory=dict)
    """Members of the answer."""

    def __str__(self) -> str:
        return f"{self.who}-{self.what}"


ORDER_PATH = "/api/orders/{order}"
LETTERS_PATH = "/api/engine/dead-letters"
NO_LETTER = "p0/1763835240000-0"
NOT_THERE: Mapping[str, object] = {"detail": f"there is no dead letter {NO_LETTER}"}
NOT_OPERATOR: Mapping[str, object] = {"detail": "this key may not run the engine"}
CASES = (
    *(Case("health", who, "GET", "/health", 200, says={"status": "ok"}) for who in ("nobody", "trader", "revoked")),
    Case("documentation", "nobody", "GET", "/openapi.json", 200),
    Case("list", "nobody", "GET", "/api/orders", 401),
    Case("order", "nobody", "POST", EXECUTE_PATH, 401, ORDER),
    Case("cancel", "nobody", "DELETE", ORDER_PATH, 401),
    *(Case("list", who, "GET", "/api/orders", 403) for who in REFUSED),
    *(Case("order", who, "POST", EXECUTE_PATH, 403, ORDER) for who in REFUSED),
    Case("order", "reader", "POST", EXECUTE_PATH, 403, ORDER, {"detail": "this key may not trade"}),
    Case("cancel", "reader", "DELETE", ORDER_PATH, 403, says={"detail": "this key may not trade"}),
    Case("the order of its account", "reader", "GET", ORDER_PATH, 200, says={"order_id": "{order}"}),
    Case("its order", "trader", "GET", ORDER_PATH, 200, says={"order_id": "{order}"}),
    Case("another's order", "stranger", "GET", ORDER_PATH, 404, says={"detail": "there is no order {order}"}),
    Case("cancel of another's order", "stranger", "DELETE", ORDER_PATH, 404),
    Case("amendment of another's order", "stranger", "PATCH", ORDER_PATH, 404, {"amount": "1"}),
    Case("list", "stranger", "GET", "/api/orders", 200, says={"orders": []}),
    Case("list", "operator", "GET", "/api/orders", 403, says={"detail": "this key may not read"}),
    Case("pairs", "nobody", "GET", "/api/market/pairs", 401),
    Case("pairs", "operator", "GET", "/api/market/pairs", 403, says={"detail": "this key may not read"}),
    Case("pairs", "reader", "GET", "/api/market/pairs", 200),
    Case("prices", "nobody", "GET", "/api/market/prices?token_in=SOL&token_out=USDC", 401),
    Case("prices", "reader", "GET", "/api/market/prices?token_in=SOL&token_out=USDC", 200),
    Case("pools", "nobody", "GET", "/api/market/pools?token_in=SOL&token_out=USDC", 401),
    Case("pools", "reader", "GET", "/api/market/pools?token_in=SOL&token_out=USDC", 200),
    Case("dead letters", "nobody", "GET", LETTERS_PATH, 401),
    Case("dead letters", "trader", "GET", LETTERS_PATH, 403, says=NOT_OPERATOR),
    Case("redrive", "trader", "POST", f"{LETTERS_PATH}/{NO_LETTER}/redrive", 403, says=NOT_OPERATOR),
    Case("discard", "reader", "DELETE", f"{LETTERS_PATH}/{NO_LETTER}", 403, says=NOT_OPERATOR),
    Case("dead letters", "operator", "GET", LETTERS_PATH, 200, says={"total": 0}),
    Case("redrive", "operator", "POST", f"{LETTERS_PATH}/{NO_LETTER}/redrive", 404, says=NOT_THERE),
    Case("discard", "operator", "DELETE", f"{LETTERS_PATH}/{NO_LETTER}", 404, says=NOT_THERE),
)


def require_answer(way: Way, case: Case) -> None:
    """Fail unless a request is answered as the table says."""
    path = case.path.replace("{order}", way.order_id)

    status, headers, body = asyncio.run(_ask(way, case.who, case.method, path, case.body))

    assert status == case.status, body
    document = json.loads(body)
    for name, value in case.says.items():
        expected = value.replace("{order}", way.order_id) if isinstance(value, str) else value
        assert document[name] == expected
    if status == 401 and way.challenges:
        assert headers["WWW-Authenticate"] == "Bearer"
    assert all(key not in body for key in way.keys)


@dataclass(frozen=True)
class SocketCase:
    """An upgrade, and its answer: 101 and what a subscription to the trader's order gets first, or a refusal."""

    who: Who
    status: int
    says: Mapping[str, object] = field(default_factory=dict)
    query: str = ""

    def __str__(self) -> str:
        return f"{self.who}{'-with-' + self.query.partition('=')[0].strip('?') if self.query else ''}"


SOCKET_CASES = (
    SocketCase("nobody", 401),
    SocketCase("nobody", 401, query="?key={trader}"),
    SocketCase("nobody", 401, query="?authorization=Bearer%20{trader}"),
    SocketCase("nobody", 403, query="?ticket=invented"),
    *(SocketCase(who, 403) for who in REFUSED),
    SocketCase("trader", 101, {"order_id": "{order}", "sequence": 1, "status": "pending"}),
    SocketCase("reader", 101, {"order_id": "{order}", "sequence": 1, "status": "pending"}),
    SocketCase("stranger", 101, {"order_id": "{order}", "error": "unknown order"}),
)


def require_socket_answer(way: Way, case: SocketCase) -> None:
    """Fail unless an upgrade, and the first frame of the socket, are answered as the table says."""
    query = case.query.replace("{trader}", way.keys.trader)

    status, frame = asyncio.run(_upgrade(way, way.authorization(case.who), query))

    assert status == case.status
    expected = {name: way.order_id if value == "{order}" else value for name, value in case.says.items()}
    assert {name: frame.get(name) for name in expected} == expected


def require_tickets(way: Way) -> None:
    """Fail unless a ticket opens one socket, of its account, and only a key gets one."""

    async def run() -> list[int]:
        refused, _, _ = await _ask(way, "nobody", "POST", TICKETS_PATH)
        issued, _, body = await _ask(way, "reader", "POST", TICKETS_PATH)
        query = f"?ticket={json.loads(body)['ticket']}"
        first, frame = await _upgrade(way, {}, query)
        assert frame["order_id"] == way.order_id
        again, _ = await _upgrade(way, {}, query)
        return [refused, issued, first, again]

    assert asyncio.run(run()) == [401, 201, 101, 403]


async def _ask(
    way: Way, who: Who, method: str, path: str, body: Mapping[str, object] | None = None
) -> tuple[int, Mapping[str, str], str]:
    headers = way.authorization(who) | ({"Content-Type": JSON} if body else {})
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session,
        session.request(method, way.base_url + path, headers=headers, json=body) as answer,
    ):
        return answer.status, answer.headers, await answer.text()


async def _upgrade(way: Way, headers: Mapping[str, str], query: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(f"{way.socket_url}{STATUS_PATH}{query}", headers=headers) as socket:
                await socket.send_str(way.order_id)
                return 101, await socket.receive_json(timeout=ANSWER_S)
        except aiohttp.WSServerHandshakeError as refusal:
            return refusal.status, {}


class TableOfAnswers:
    """The tests of a way that has sockets too; its file lends the `way`."""

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_a_request_is_answered_as_the_table_says(self, way: Way, case: Case) -> None:
        require_answer(way, case)

    @pytest.mark.parametrize("case", SOCKET_CASES, ids=str)
    def test_a_socket_is_answered_as_the_table_says(self, way: Way, case: SocketCase) -> None:
        require_socket_answer(way, case)

    def test_a_ticket_opens_one_socket_of_its_account(self, way: Way) -> None:
        require_tickets(way)
