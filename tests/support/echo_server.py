"""A small server in the place of the front door's, which echoes what it is sent and misbehaves on demand."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from local.client.api import Client


async def echo(request: web.Request) -> web.StreamResponse:
    """Answer a POST with its body, and on a socket echo every text, except `quiet`, and close at `close`."""
    if request.method == "POST":
        body = await request.read()
        return web.Response(status=202, body=body, headers=_seen(request))
    socket = web.WebSocketResponse()
    socket.headers.update(_seen(request))
    await socket.prepare(request)
    async for message in socket:
        if message.type is not WSMsgType.TEXT or message.data == "close":
            await socket.close(code=1003)
        elif message.data != "quiet":
            await socket.send_str(message.data)
    return socket


def _seen(request: web.Request) -> dict[str, str]:
    named = {"Seen-Key": "Idempotency-Key", "Seen-Authorization": "Authorization"}
    return {seen: request.headers.get(name, "") for seen, name in named.items()}


async def hang_up(request: web.Request) -> web.StreamResponse:
    """End the connection instead of answering."""
    transport = request.transport
    assert transport is not None
    transport.close()
    return web.Response()


def against_server(
    test: Callable[[Client], Awaitable[None]],
    post: Callable[..., Awaitable[web.StreamResponse]] = echo,
    other: Callable[..., Awaitable[web.StreamResponse]] | None = None,
) -> None:
    """Run `test` with a client of a server of its own, which answers posted orders by `post`, the rest by `other`."""

    async def run() -> None:
        application = web.Application()
        application.router.add_get("/api/orders/execute", echo)
        for path in ("/api/orders/execute", "/api/orders/batch"):
            application.router.add_post(path, post)
        if other is not None:
            application.router.add_route("*", "/{path:.*}", other)
        async with TestServer(application) as server, Client(str(server.make_url("/"))) as client:
            await test(client)

    asyncio.run(run())
