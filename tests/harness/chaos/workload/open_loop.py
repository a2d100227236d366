"""An open loop: clients post orders at a steady rate, however slow the answers are; what became of each comes out.

A client repeats a post that has a key until it knows whether there is an order.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from threading import Lock
from typing import Any

import orjson

from local.client.api import Answer, Client
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.terms import expires_at_s
from tests.harness.chaos.workload.accounts import OPEN, Accounts
from tests.harness.chaos.workload.conditions import conditions
from tests.harness.chaos.workload.launches import LaunchList
from tests.harness.chaos.workload.orders import identities
from tests.harness.chaos.workload.prices import PriceList
from tests.harness.chaos.workload.requests import (
    ATTEMPT_TIMEOUT_S,
    BACK_OFF_S,
    BROKEN,
    GIVE_UP_S,
    NO_ANSWER,
    answer_to,
    back_off,
    problem_of,
)

REPEATS_AT_ONCE = 20
KEYED = 0.5
TWICE = 0.1
"""The share of the posts with a key that are sent twice at the same moment."""
BATCHES, BATCH = 0.02, 10
"""The share of the posts that are a batch of so many orders, each with a key of its own."""


class OpenLoop:
    """Posts orders to `url` and keeps what became of each; calls `accepted` with every order of its load that is.

    The orders of its load are of all types, those that wait with the prices of `prices` and the `launches` in mind;
    probes and bursts are market orders.
    """

    def __init__(
        self,
        url: str,
        seed: int,
        accepted: Callable[[Post], None],
        prices: PriceList | None = None,
        launches: LaunchList | None = None,
        accounts: Accounts = OPEN,
    ) -> None:
        self.posts: list[Post] = []
        self.answers: Counter[str] = Counter()
        self._url = url
        self._random = Random(seed)
        self._accepted = accepted
        self._prices = prices or PriceList()
        self._launches = launches or LaunchList()
        self._accounts = accounts
        self._lock = Lock()
        self._identities: Iterator[Identity] = identities()

    def new_post(self, key: str | None, *, key_in_body: bool = False, account: str = "") -> Post:
        """Return a new order to post, which is kept in `posts`: of an account of the load an order of any type.

        Otherwise it is a market order of the account that measures.
        """
        with self._lock:  # a burst comes from a thread of its own
            identity, home = next(self._identities), self._accounts.home
            post = Post(identity, key, time.time(), key_in_body=key_in_body, account=account or home)
        if account:
            prices = self._prices.of(post.identity.token_in, post.identity.token_out)
            launches = self._launches.against(post.identity.token_in)
            post.conditions = conditions(self._random, post.identity, prices, post.posted_at, launches)
            if post.order_type == "sniper":
                post.identity = post.identity._replace(token_out="")
        self.posts.append(post)
        return post

    async def run(self, rate: float, stop: asyncio.Event) -> None:
        """Post `rate` orders a second until `stop` is set; then wait for every client to finish.

        The accounts take turns, and give their orders the same keys, each of which is another order for each of them.
        """
        traders = self._accounts.traders
        async with self._accounts.clients(self._url) as by_account, asyncio.TaskGroup() as clients:
            started = time.monotonic()
            for number in range(2**62):
                try:
                    async with asyncio.timeout(max(started + number / rate - time.monotonic(), 0)):
                        await stop.wait()
                        return
                except TimeoutError:
                    account, key = traders[number % len(traders)], f"chaos-{number // len(traders)}"
                    client = by_account[account]
                    if self._random.random() < BATCHES:
                        posts = [
                            self.new_post(f"{key}.{place}", key_in_body=True, account=account) for place in range(BATCH)
                        ]
                        clients.create_task(self.place_batch(client, posts))
                        continue
                    keyed = self._random.random() < KEYED
                    post = self.new_post(key if keyed else None, account=account)
                    twice = keyed and self._random.random() < TWICE
                    for _ in range(2 if twice else 1):
                        clients.create_task(self._place(client, post))

    async def burst(self, count: int) -> Counter[str]:
        """Post orders all at once, each once, and return the answers; no answer counts as an unexpected one."""
        posts = [self.new_post(None) for _ in range(count)]
        async with Client(self._url) as client:
            answers = await asyncio.gather(*(self._try_once(client, post, GIVE_UP_S) for post in posts))
        for post, answer in zip(posts, answers, strict=True):
            if answer in (NO_ANSWER, BROKEN):
                post.unexpected.append(f"in a burst of {count}: {answer}")
        return Counter(answers)

    async def repeat_all(self) -> None:
        """Post every order that has a key once more; each key must still name its order."""
        places = asyncio.Semaphore(REPEATS_AT_ONCE)

        async def repeat(client: Client, post: Post) -> None:
            async with places:
                await self._try_once(client, post, ATTEMPT_TIMEOUT_S)

        async with self._accounts.clients(self._url) as by_account, asyncio.TaskGroup() as clients:
            for post in self.posts:
                if post.key is not None:
                    clients.create_task(repeat(by_account[post.account], post))

    async def place(self, client: Client, post: Post, back_off_s: Sequence[float] = BACK_OFF_S) -> None:
        """Post an order; with a key, until its fate is known."""
        give_up_at = time.monotonic() + GIVE_UP_S
        for attempt in range(2**62):
            self.answers[await self._try_once(client, post, ATTEMPT_TIMEOUT_S)] += 1
            if post.is_answered or post.key is None or time.monotonic() > give_up_at:
                return
            await back_off(attempt, back_off_s)

    async def place_batch(self, client: Client, posts: Sequence[Post]) -> None:
        """Post orders as a batch, and again those whose fate is not known, until it is; watch those that there are."""
        give_up_at = time.monotonic() + GIVE_UP_S
        left = posts
        for attempt in range(2**62):
            self.answers[await self._try_batch(client, left)] += len(left)
            left = [post for post in left if not post.is_answered]
            if not left or time.monotonic() > give_up_at:
                break
            await back_off(attempt)
        for post in posts:
            if post.sure:
                self._accepted(post)

    async def _place(self, client: Client, post: Post) -> None:
        known = post.sure
        await self.place(client, post)
        if post.sure and not known:
            self._accepted(post)

    @staticmethod
    async def _try_once(client: Client, post: Post, timeout_s: float) -> str:
        answer = await answer_to(client.execute(post.body(), post.header_key), timeout_s)
        if isinstance(answer, str):
            return answer
        if answer.status == 202:
            post.order_ids.add(orjson.loads(answer.body)["order_id"])
        elif answer.status == 400 and _is_over(post, answer.json()):
            _refused(post)
        elif (problem := problem_of(answer)) is not None:
            post.unexpected.append(problem)
        return str(answer.status)

    @staticmethod
    async def _try_batch(client: Client, posts: Sequence[Post]) -> str:
        answer = await answer_to(client.execute_batch([post.body() for post in posts]))
        if isinstance(answer, str):
            return answer
        if answer.status in (202, 207):
            for post, result in zip(posts, orjson.loads(answer.body)["results"], strict=True):
                _note(post, result, answer)
        elif (problem := problem_of(answer)) is not None:
            for post in posts:
                post.unexpected.append(problem)
        return str(answer.status)


def _note(post: Post, result: Mapping[str, Any], answer: Answer) -> None:
    """Note what became of one order of a batch."""
    if "order" in result:
        post.order_ids.add(result["order"]["order_id"])
    elif _is_over(post, result["problem"]):
        _refused(post)
    elif result["problem"]["status"] != 503 or not answer.headers.get("Retry-After"):
        post.unexpected.append(f"answered {result} in a batch")


def _refused(post: Post) -> None:
    if post.refused_at_s is None:
        post.refused_at_s = time.time()


def _is_over(post: Post, problem: Mapping[str, Any]) -> bool:
    """Return whether an order was refused since its time, or its launch, was over: it could not be made in time.

    Whether the launch was is seen when the ticks have been read.
    """
    expires_s = expires_at_s(post.conditions)
    over = {
        "target.mint": post.order_type == "sniper",
        "expires_at": expires_s is not None and time.time() >= expires_s,
    }
    named = [error["field"] for error in problem.get("errors", ())]
    return bool(named) and all(over.get(field, False) for field in named) and not post.sure
