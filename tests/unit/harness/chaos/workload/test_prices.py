"""Chaos' price list: from quotes in both directions, the price that an order is paid and about the reference."""

from decimal import Decimal

from aiohttp import web

from local.client.api import Client
from tests.harness.chaos.workload.prices import PriceList
from tests.support.echo_server import against_server


def test_a_pair_has_prices_when_both_directions_were_quoted() -> None:
    async def quote(request: web.Request) -> web.Response:
        amount, sells = Decimal(request.query["amount"]), request.query["token_in"] == "SOL"
        price = Decimal(198) if sells else 1 / Decimal(202)
        return web.json_response({"expected_out": str(amount * price)})

    async def test(client: Client) -> None:
        prices = PriceList()
        assert prices.of("SOL", "USDC") is None

        await prices.ask(client, [("SOL", "USDC")])

        there, back = prices.of("SOL", "USDC"), prices.of("USDC", "SOL")
        assert there is not None
        assert back is not None
        assert there.sells_at == 198
        assert 199.9 < there.reference < 200.1
        assert abs(there.reference * back.reference - 1) < Decimal("1e-9")
        assert prices.of("JUP", "USDC") is None

    against_server(test, other=quote)


def test_a_price_that_is_not_answered_stays_as_it_was() -> None:
    answers = iter([web.json_response({"expected_out": "1"}), web.json_response({"expected_out": "2"})])

    async def quote(_request: web.Request) -> web.Response:
        return next(answers, web.Response(status=503))

    async def test(client: Client) -> None:
        prices = PriceList()
        await prices.ask(client, [("SOL", "USDC")])
        before = prices.of("SOL", "USDC")

        await prices.ask(client, [("SOL", "USDC")])

        assert before is not None
        assert prices.of("SOL", "USDC") == before

    against_server(test, other=quote)
