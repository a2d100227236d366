"""Asks for the prices at which the orders of a run are placed, again and again, as any client would."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from local.client.api import Client
from orderflow.domain.tokens import TOKENS
from tests.harness.bench.mock_market import amount_worth
from tests.harness.chaos.workload.conditions import Prices
from tests.harness.chaos.workload.requests import answer_to

EVERY_S = 0.5
QUOTED_USD = 25

Direction = tuple[str, str]


class PriceList:
    """The latest prices of directed pairs."""

    def __init__(self) -> None:
        self._sells_at: dict[Direction, Decimal] = {}

    def of(self, token_in: str, token_out: str) -> Prices | None:
        """Return the prices of a directed pair; None while they are not known."""
        there, back = self._sells_at.get((token_in, token_out)), self._sells_at.get((token_out, token_in))
        if there is None or back is None:
            return None
        # Both are less than the reference, by about the same fees.
        return Prices(there, (there / back).sqrt())

    async def run(self, url: str, pairs: Sequence[Direction]) -> None:
        """Ask for the prices of pairs, in both directions, until cancelled."""
        async with Client(url) as client:
            while True:
                await self.ask(client, pairs)
                await asyncio.sleep(EVERY_S)

    async def ask(self, client: Client, pairs: Sequence[Direction]) -> None:
        """Ask once; a price that is not answered stays as it was."""
        directions = [direction for pair in pairs for direction in (pair, pair[::-1])]
        for token_in, token_out in directions:
            amount = amount_worth(QUOTED_USD, TOKENS[token_in])
            path = f"/api/quote?token_in={token_in}&token_out={token_out}&amount={amount}"
            answer = await answer_to(client.get(path))
            if not isinstance(answer, str) and answer.status == 200:
                self._sells_at[token_in, token_out] = Decimal(str(answer.json()["expected_out"])) / amount
