"""The mock chain in Redis: pool states, transactions on their way, results by signature."""

from collections.abc import Sequence
from typing import cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder
from orderflow.domain.execution import Execution
from orderflow.domain.launches import Launch
from orderflow.domain.market import Market
from orderflow.domain.market_prices import MarketPrices
from orderflow.domain.order import Order, Signature
from orderflow.domain.pools import Pool
from orderflow.domain.ticks import Tick
from orderflow.domain.tokens import TOKENS, Token
from orderflow.venues.mock.background import chain_seconds, opening_prices
from orderflow.venues.mock.chain import Blocks, MarketState
from orderflow.venues.mock.chain_clock import ChainClock
from orderflow.venues.mock.keys import SCRIPTS, TRANSACTIONS, chain_key, result_key
from orderflow.venues.mock.launches import Calendar, is_launched, launch_of
from orderflow.venues.mock.universe import opening_pools

KEEP_RESULT_MS = 60 * 1000
"""How long, beyond a transaction's own life, a signature's result outlives the end of its order."""
KEEP_UNFORGOTTEN_MS = 30 * 24 * 60 * 60 * 1000
"""How long a result stands that nobody has forgotten: its order may have left Redis before the message was handled that
has it forgotten. So long that every order has ended by then."""

_COMMITTED, _TICK_MISSING = 1, -1  # what commit_block.lua returns, and 0

_pool_decoder = msgspec.json.Decoder(Pool)
_fair_decoder = msgspec.json.Decoder(dict[str, float])
_execution_decoder = msgspec.json.Decoder(Execution)


class ChainStore:
    """The chain's keys, which lie in one hash slot, and the scripts that change them."""

    def __init__(self, client: redis.Redis, seed: int = 1, beat_ms: int = 0, launch_every: int = 0) -> None:
        self._client = client
        self.seed = seed
        self.calendar = Calendar(seed, launch_every)
        self.clock = ChainClock(client, beat_ms)
        self._prices = MarketPrices(self._token)
        self._writes_ticks = False
        self._decoded: dict[str, tuple[str, Pool]] = {}
        self._known: tuple[int, MarketState] | None = None
        self._send = client.register_script(scripts.source("send", package=SCRIPTS))
        self._clock = client.register_script(scripts.source("clock"))
        self._abandon = client.register_script(scripts.source("abandon", package=SCRIPTS))
        self._expire = client.register_script(scripts.source("expire", package=SCRIPTS))
        self._commit = client.register_script(scripts.source("commit_block", package=SCRIPTS))

    def slot(self) -> int:
        """Return the latest slot."""
        return int(self._client.hget(chain_key("slot"), "slot") or 0)

    def now_ms(self) -> int:
        """Return the chain's time, which is Redis': it is one, however many machines there are."""
        return int(self._clock([chain_key("slot")]))

    def state(self) -> tuple[int, MarketState]:
        """Return the number of the last commit and the market after it; open the market first where there is none.

        The pools are read anew only when others have committed since this was asked last.
        """
        known = self._known
        if known is not None:
            block, ticks = self._client.hmget(chain_key("slot"), ["block", "ticks"])
            self._writes_ticks = ticks is not None
            if block == str(known[0]):
                return known
        block, slot, fair, pools = self._read()
        if not pools:
            self._open()
            block, slot, fair, pools = self._read()
        # In one order whatever Redis': the noise of a slot is drawn pool by pool.
        self._decoded = {address: self._pool(address, pools[address]) for address in sorted(pools)}
        latest = {address: pool for address, (_, pool) in self._decoded.items()}
        state = MarketState(
            slot=int(slot or 0),
            fair=_fair_decoder.decode(fair) if fair else opening_prices(),
            pools={address: pool for address, pool in latest.items() if not is_launched(pool)},
            launched={address: pool for address, pool in latest.items() if is_launched(pool)},
        )
        self._known = int(block or 0), state
        return self._known

    def tick(self, state: MarketState, launches: tuple[Launch, ...] = (), ended: tuple[Launch, ...] = ()) -> Tick:
        """Return what every pair of tokens is worth in a state of the market; launches opened and closed up to it."""
        now_s = chain_seconds(state.slot)
        return self._prices.tick(state.slot, state.pools.values(), now_s, state.launched, launches, ended)

    def market(self) -> Market:
        """Return the pools after the latest commit, and the prices of those pairs that the market opened with."""
        _, state = self.state()
        listed, now_s = tuple(state.pools.values()), chain_seconds(state.slot)
        return Market(state.slot, now_s, (*listed, *state.launched.values()), self._prices.views(listed, now_s))

    def opening(self) -> dict[str, Pool]:
        """Return the states that the market opened with, kept to audit it by."""
        states = self._client.hgetall(chain_key("opening"))
        return {str(address): _pool_decoder.decode(state) for address, state in states.items()}

    def flows(self) -> dict[tuple[str, str], int]:
        """Return what others than our orders have paid into each pool of each token in all, negative for taken out."""
        flows: dict[tuple[str, str], int] = {}
        for place, atoms in self._client.hgetall(chain_key("flows")).items():
            pool, _, token = str(place).partition("|")
            flows[pool, token] = int(atoms)
        return flows

    def send(self, sends: Sequence[tuple[Order, int]]) -> list[Order]:
        """Queue transactions for the block of their landing; return the orders that have a result already."""
        keys = [chain_key("timers"), chain_key("wakes"), chain_key(TRANSACTIONS)]
        arguments: list[str | bytes | int] = [TRANSACTIONS]
        for order, delay_ms in sends:
            keys.append(result_key(order.signature))
            arguments += [delay_ms, encoder.encode(_to_execute(order))]
        return [sends[place][0] for place in self._send(keys, arguments)] if sends else []

    def results(self, signatures: Sequence[Signature]) -> list[Execution | None]:
        """Return what became of each signature; None while it has not landed."""
        return [_execution_decoder.decode(result) if result else None for result in self._look_up(signatures)]

    def arrived(self, orders: Sequence[Order]) -> tuple[list[Order], list[Order]]:
        """Return the orders whose transactions wait to be executed, each once, and those whose transactions have been.

        A transaction that the chain has forgotten, or never got, is neither.
        """
        results = list(zip(orders, self._look_up([order.signature for order in orders]), strict=True))
        waiting = {order.signature: order for order, result in results if result == ""}
        return list(waiting.values()), [order for order, result in results if result]

    def abandon(self, signature: Signature, reason: str) -> Execution:
        """Fail a transaction that has not landed, so that it never will; return the result that stands."""
        failed = encoder.encode(Execution(signature, 0, error=reason))
        return _execution_decoder.decode(self._abandon([result_key(signature)], [failed, KEEP_UNFORGOTTEN_MS]))

    def forget(self, ended: Sequence[tuple[Signature, int]]) -> None:
        """Have results of ended orders expire after their transactions, each valid until its time in ms since 1970."""
        if ended:
            keys = [result_key(signature) for signature, _ in ended]
            self._expire(keys, [KEEP_RESULT_MS, *(valid_until_ms for _, valid_until_ms in ended)])

    def lengths(self) -> tuple[int, int]:
        """Return how many transactions wait for a block, and how many have not landed yet."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xlen(chain_key(TRANSACTIONS))
        pipeline.zcard(chain_key("timers"))
        waiting, resting = pipeline.execute()
        return int(waiting), int(resting)

    def commit(self, block: int, blocks: Blocks, *, beat: bool = False) -> bool:
        """Put blocks on top of commit number `block`; False when others were put there first, and nothing changed.

        Nor has anything changed when they are not valid any longer, whatever has held them up since they were computed.
        They write one tick, of the state after them, while the clock runs. A `beat` is followed by the next one.
        """
        keys = [chain_key(name) for name in ("slot", "pools", "fair", "flows", "ticks", "timers", "wakes")]
        arguments: list[str | bytes | int] = [KEEP_UNFORGOTTEN_MS]
        for pool in blocks.changed_pools:
            arguments += [pool.pool, encoder.encode(pool)]
        for place, atoms in blocks.flows.items():
            arguments += [place, atoms]
        arguments += blocks.closed
        for execution in blocks.executions:
            keys.append(result_key(execution.signature))
            arguments.append(encoder.encode(execution))
        after, counts = blocks.after, (len(blocks.changed_pools), len(blocks.flows), len(blocks.closed))
        valid_until_ms = "" if blocks.valid_until_ms is None else blocks.valid_until_ms
        head: list[str | bytes | int] = [block, after.slot, encoder.encode(after.fair), valid_until_ms]
        outcome = _TICK_MISSING
        for with_tick in (self._writes_ticks, True):
            tick = encoder.encode(self.tick(after, blocks.launches, blocks.ended)) if with_tick else b""
            outcome = self._commit(keys, [*head, tick, *self.clock.heartbeat, int(beat), *counts, *arguments])
            if outcome != _TICK_MISSING:
                break
        committed = outcome == _COMMITTED
        self._known = (block + 1, after) if committed else None
        return committed

    def _look_up(self, signatures: Sequence[Signature]) -> list[str | None]:
        """Return each signature's result as it is kept; empty before it has landed, None where it is not known."""
        if not signatures:
            return []
        return cast("list[str | None]", self._client.mget([result_key(signature) for signature in signatures]))

    def _read(self) -> tuple[str | None, str | None, str | None, dict[str, str]]:
        """Read the state's parts as they were between two commits."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hmget(chain_key("slot"), ["block", "slot", "ticks"])
        pipeline.get(chain_key("fair"))
        pipeline.hgetall(chain_key("pools"))
        (block, slot, ticks), fair, pools = pipeline.execute()
        self._writes_ticks = ticks is not None
        return block, slot, fair, pools

    def _pool(self, address: str, state: str) -> tuple[str, Pool]:
        """Return a pool with its text; one that has not changed since it was last read is the very same object."""
        known = self._decoded.get(address)
        return known if known is not None and known[0] == state else (state, _pool_decoder.decode(state))

    def _token(self, symbol: str) -> Token | None:
        launch = launch_of(self.seed, symbol)
        return TOKENS.get(symbol) or (launch.token if launch else None)

    def _open(self) -> None:
        pipeline = self._client.pipeline(transaction=True)
        for pool in opening_pools(self.seed):
            state = encoder.encode(pool)
            pipeline.hsetnx(chain_key("pools"), pool.pool, state)
            pipeline.hsetnx(chain_key("opening"), pool.pool, state)
        pipeline.execute()


def _to_execute(order: Order) -> Order:
    """Return an order as it travels to a block, without what its venues alone would pay: nothing there needs it."""
    return msgspec.structs.replace(order, route=msgspec.structs.replace(order.chosen_route, quotes=()))
