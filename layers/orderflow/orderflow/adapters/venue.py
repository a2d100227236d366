"""The market as the stages see it: pool states to quote from, transactions to send, signatures to look up."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import CHAIN, key
from orderflow.domain.order import Order, Signature
from orderflow.domain.pools import Pool
from orderflow.market.chain import Block, Execution
from orderflow.market.universe import opening_pools

TRANSACTIONS = "transactions"
KEEP_RESULT_MS = 10 * 60 * 1000
"""How long, beyond a transaction's own life, a signature's result outlives the end of its order."""

_pool_decoder = msgspec.json.Decoder(Pool)
_execution_decoder = msgspec.json.Decoder(Execution)


class Venue(Protocol):
    """Where orders are executed: what a real chain's RPC offers, in batches."""

    def pools(self, addresses: Iterable[str]) -> dict[str, Pool]:
        """Return the latest states of pools, by address."""

    def send(self, sends: Sequence[tuple[Order, int]]) -> None:
        """Send the orders' signed transactions, each to land after its delay in ms; a signature is accepted once."""

    def results(self, signatures: Sequence[Signature]) -> list[Execution | None]:
        """Return what became of each signature; None while it has not landed."""

    def forget(self, signatures: Sequence[Signature], valid_ms: int) -> None:
        """Let go of results that have been dealt with, once their transactions (valid for that long) have expired."""


class MockVenue:
    """The mock chain, kept in one Redis slot: pool states, transactions on their way, results by signature."""

    def __init__(self, client: redis.Redis, seed: int) -> None:
        self._client = client
        self._seed = seed
        self._pools_key, self._height_key = key(CHAIN, "pools"), key(CHAIN, "height")
        self._send = client.register_script(scripts.source("send", "deliver"))
        self._expire = client.register_script(scripts.source("expire"))
        self._commit = client.register_script(scripts.source("commit_block"))

    def pools(self, addresses: Iterable[str]) -> dict[str, Pool]:
        """Return the latest states of pools; open the market first where there is none yet."""
        wanted = list(dict.fromkeys(addresses))
        if not wanted:
            return {}
        states = self._client.hmget(self._pools_key, wanted)
        if None in states:
            self._open()
            states = self._client.hmget(self._pools_key, wanted)
        return {
            address: _pool_decoder.decode(state)
            for address, state in zip(wanted, states, strict=True)
            if state is not None
        }

    def opening(self) -> dict[str, Pool]:
        """Return the states that the market opened with, kept to audit it by."""
        states = self._client.hgetall(key(CHAIN, "opening"))
        return {str(address): _pool_decoder.decode(state) for address, state in states.items()}

    def send(self, sends: Sequence[tuple[Order, int]]) -> None:
        """Queue transactions for the block of their landing."""
        keys = [key(CHAIN, "timers"), key(CHAIN, "wake"), key(CHAIN, TRANSACTIONS)]
        arguments: list[str | bytes | int] = [TRANSACTIONS]
        for order, delay_ms in sends:
            keys.append(_result_key(order.signature))
            arguments += [delay_ms, encoder.encode(order)]
        if sends:
            self._send(keys, arguments)

    def results(self, signatures: Sequence[Signature]) -> list[Execution | None]:
        """Return what became of each signature; None while it has not landed."""
        if not signatures:
            return []
        found = self._client.mget([_result_key(signature) for signature in signatures])
        return [_execution_decoder.decode(result) if result else None for result in found]

    def forget(self, signatures: Sequence[Signature], valid_ms: int) -> None:
        """Have results expire after their transactions; only to be called when their orders have ended."""
        if signatures:
            self._expire([_result_key(signature) for signature in signatures], [valid_ms + KEEP_RESULT_MS])

    def height(self) -> int:
        """Return the height of the last block; 0 before the first."""
        return int(self._client.get(self._height_key) or 0)

    def commit(self, block: Block) -> bool:
        """Put a block on top of the chain; False when another was put there first, and nothing has changed."""
        keys = [self._height_key, self._pools_key]
        arguments: list[str | bytes | int] = [block.height, len(block.changed_pools)]
        for pool in block.changed_pools:
            arguments += [pool.pool, encoder.encode(pool)]
        for execution in block.executions:
            keys.append(_result_key(execution.signature))
            arguments.append(encoder.encode(execution))
        return bool(self._commit(keys, arguments))

    def _open(self) -> None:
        pipeline = self._client.pipeline(transaction=True)
        for pool in opening_pools(self._seed):
            state = encoder.encode(pool)
            pipeline.hsetnx(self._pools_key, pool.pool, state)
            pipeline.hsetnx(key(CHAIN, "opening"), pool.pool, state)
        pipeline.execute()


def _result_key(signature: str) -> str:
    return key(CHAIN, f"tx:{signature}")
