"""Chaos' list of launches: which are announced, and when about each opens, as the slots pass."""

from typing import Any

import pytest
from aiohttp import web

from local.client.api import Client
from tests.harness.chaos.workload.launches import Announced, LaunchList
from tests.support.echo_server import against_server


def page(slot: int, *listed: tuple[str, str, int]) -> dict[str, Any]:
    found = [{"token": {"mint": mint}, "quote": quote, "open_slot": slot} for mint, quote, slot in listed]
    return {"slot": slot, "launches": found, "next_cursor": None}


PAGES = [page(100), page(110, ("later", "USDC", 170), ("other", "SOL", 140), ("next", "USDC", 150))]


def test_the_next_to_open_comes_first_and_opens_as_slots_have_passed() -> None:
    now, pages = [0.0], iter(PAGES)

    async def answer(_request: web.Request) -> web.Response:
        left = next(pages, None)
        return web.Response(status=503) if left is None else web.json_response(left)

    async def test(client: Client) -> None:
        listed = LaunchList(lambda: now[0])
        await listed.ask(client)
        assert listed.opens_in_s("USDC", {"target": {"any": True}}) is None
        now[0] = 2.0
        await listed.ask(client)
        await listed.ask(client)  # is not answered

        assert listed.against("USDC") == [Announced("next", "USDC", 150), Announced("later", "USDC", 170)]
        # Ten slots took two seconds.
        assert listed.opens_in_s("USDC", {"target": {"any": True}}) == pytest.approx(8)
        assert listed.opens_in_s("USDC", {"target": {"mint": "later"}}) == pytest.approx(12)
        assert listed.opens_in_s("USDC", {"target": {"mint": "unknown"}}) is None
        now[0] = 3.0
        assert listed.opens_in_s("SOL", {"target": {"any": True}}) == pytest.approx(5)
        now[0] = 30.0
        assert listed.opens_in_s("SOL", {"target": {"any": True}}) == 0

    against_server(test, other=answer)
