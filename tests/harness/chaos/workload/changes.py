"""Clients that change their minds: they cancel orders, alone or together, and amend them; what they were answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from local.client.api import Answer, Client
from orderflow.domain.access import LOCAL_ACCOUNT
from tests.harness.chaos.history.changes import Change, ChangeAnswer
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.workload.accounts import OPEN, Accounts
from tests.harness.chaos.workload.conditions import amendment
from tests.harness.chaos.workload.launches import LaunchList
from tests.harness.chaos.workload.requests import GIVE_UP_S, answer_to, back_off, problem_of

CANCELLED, CANCELLED_TOGETHER, AMENDED = 0.12, 0.05, 0.2
"""The shares of orders that their client cancels alone, cancels together with others, and amends."""
AMENDED_THEN_CANCELLED = 0.3
TOGETHER = 5
MOST_TOGETHER = 100
SOON_S, LATER_S = 0.3, 4.0
CANCELLED_AT_THE_OPENING = 0.3
"""The share of orders that wait for a launch which are cancelled about when it opens."""

_CANCEL_ANSWERS = (200, 202, 409)
_AMEND_ANSWERS = (200, 400, 409, 412)
"""An amended stop may be refused, since the price has come to where it would fire."""


class Changes:
    """Changes orders at `url`, and keeps what was asked for and answered."""

    def __init__(self, url: str, seed: int, launches: LaunchList | None = None, accounts: Accounts = OPEN) -> None:
        self.made: list[Change] = []
        self.answers: Counter[str] = Counter()
        self._url = url
        self._seed = seed
        self._launches = launches or LaunchList()
        self._accounts = accounts
        self._together: dict[str, list[str]] = {account: [] for account in accounts.keys}
        self._clients: asyncio.TaskGroup | None = None
        self._by_account: Mapping[str, Client] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Change orders until `stop` is set; then wait for every client to finish."""
        async with self._accounts.clients(self._url) as self._by_account, asyncio.TaskGroup() as self._clients:
            await stop.wait()
            for account in self._together:
                self._clients.create_task(self._cancel_together(account))
            self._by_account = {}

    def consider(self, post: Post) -> None:
        """Change an order that was accepted, later, or leave it as it is: by a draw of its own."""
        client, account = self._by_account.get(post.account), post.account
        if client is None or self._clients is None:
            return
        random = Random(f"{self._seed}:{post.identity}")
        order_id, draw = min(post.order_ids), random.random()
        after_s = random.uniform(0, SOON_S if random.random() < 0.5 else LATER_S)
        if post.order_type == "sniper" and random.random() < CANCELLED_AT_THE_OPENING:
            opens_in_s = self._launches.opens_in_s(post.identity.token_in, post.conditions)
            at_s = after_s if opens_in_s is None else max(0.0, opens_in_s + random.uniform(-SOON_S, SOON_S))
            self._clients.create_task(self._cancel_later(client, account, order_id, at_s))
        elif draw < CANCELLED:
            self._clients.create_task(self._cancel_later(client, account, order_id, after_s))
        elif draw < CANCELLED + CANCELLED_TOGETHER:
            self._together[account].append(order_id)
            if len(self._together[account]) >= TOGETHER:
                self._clients.create_task(self._cancel_together(account))
        elif draw < CANCELLED + CANCELLED_TOGETHER + AMENDED and (
            fields := amendment(random, post.identity, post.conditions)
        ):
            self._clients.create_task(self._amend_later(client, account, order_id, fields, random, after_s))

    async def cancel_all(self, order_ids: Sequence[str], account: str = "") -> None:
        """Cancel orders of an account, as many in one request as there may be, until all are answered."""
        account = account or self._accounts.home
        async with self._accounts.client(self._url, account) as client:
            for first in range(0, len(order_ids), MOST_TOGETHER):
                await self._cancel(client, account, order_ids[first : first + MOST_TOGETHER])

    async def repeat_all(self) -> None:
        """Send every cancel that was done once more; each must have the same answer."""
        done = [change for change in self.made if change.is_cancel and change.done]
        async with self._accounts.clients(self._url) as by_account:
            for change in done:
                await self._try_alone(by_account[change.account], change)

    async def _cancel_later(self, client: Client, account: str, order_id: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._cancel(client, account, [order_id])

    async def _cancel_together(self, account: str) -> None:
        order_ids, self._together[account] = self._together[account], []
        if order_ids:
            await self.cancel_all(order_ids, account)

    async def _amend_later(
        self, client: Client, account: str, order_id: str, fields: Mapping[str, object], random: Random, after_s: float
    ) -> None:
        await asyncio.sleep(after_s)
        await self.amend(client, order_id, fields)
        if random.random() < AMENDED_THEN_CANCELLED:
            await self._cancel_later(client, account, order_id, random.uniform(0, SOON_S))

    async def amend(self, client: Client, order_id: str, fields: Mapping[str, object]) -> None:
        """Amend an order once; whether it was amended stays unknown where no answer comes."""
        change = self._made(order_id, fields)
        answer = await answer_to(client.amend(order_id, fields))
        self._note(change, answer, _AMEND_ANSWERS)

    async def _cancel(self, client: Client, account: str, order_ids: Sequence[str]) -> None:
        """Cancel an order alone, or several together, and again those whose fate is not known, until it is."""
        give_up_at = time.monotonic() + GIVE_UP_S
        left = [self._made(order_id, account=account) for order_id in order_ids]
        for attempt in range(2**62):
            if len(left) == 1:
                await self._try_alone(client, left[0])
            else:
                await self._try_together(client, left)
            left = [change for change in left if change.is_unknown and not change.unexpected]
            if not left or time.monotonic() > give_up_at:
                return
            await back_off(attempt)

    def _made(self, order_id: str, fields: Mapping[str, object] | None = None, account: str = LOCAL_ACCOUNT) -> Change:
        change = Change(order_id, fields or {}, time.time(), account=account)
        self.made.append(change)
        return change

    async def _try_alone(self, client: Client, change: Change) -> None:
        answer = await answer_to(client.cancel(change.order_id))
        self._note(change, answer, _CANCEL_ANSWERS)

    async def _try_together(self, client: Client, changes: Sequence[Change]) -> None:
        answer = await answer_to(client.cancel_each([change.order_id for change in changes]))
        if isinstance(answer, str) or answer.status not in (200, 207):
            for change in changes:
                self._note(change, answer, ())
            return
        for change, result in zip(changes, answer.json()["results"], strict=True):
            self._note_one(change, result, answer)

    def _note(self, change: Change, answer: Answer | str, expected: Sequence[int]) -> None:
        self._count(change, answer if isinstance(answer, str) else str(answer.status))
        if isinstance(answer, str):
            return
        if answer.status in expected:
            change.answers.append(ChangeAnswer(answer.status, answer.json(), time.time()))
        elif (problem := problem_of(answer)) is not None:
            change.unexpected.append(problem)

    def _note_one(self, change: Change, result: Mapping[str, Any], answer: Answer) -> None:
        """Note what became of one order of those that are cancelled together."""
        document = result.get("order") or result["problem"]
        status = 202 if "cancel" in document else document["status"] if "problem" in result else 200
        self._count(change, str(status))
        if status in _CANCEL_ANSWERS:
            change.answers.append(ChangeAnswer(status, document, time.time()))
        elif status != 503 or not answer.headers.get("Retry-After"):
            change.unexpected.append(f"answered {document} together with others")

    def _count(self, change: Change, outcome: str) -> None:
        self.answers[f"{'cancel' if change.is_cancel else 'amend'} {outcome}"] += 1
