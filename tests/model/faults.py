"""Faults that the model check has to find: where its search begins, and what a script or a rule says instead.

Each is planted as a text in place of another one, as in `tests/mutants`: in a Redis script, or in a function's source.
"""

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

import pytest

from functions.confirm_order import handler as confirm_order
from functions.open_order import handler as open_order
from functions.snipe_order import handler as snipe_order
from orderflow.adapters import books, scripts
from orderflow.domain import attempts, brackets, conditions, execution, resting, slicing
from orderflow.domain.order import Order
from orderflow.runtime import after_execution, closing, expiring, firing, sending, slices, taking_back
from orderflow.venues.mock import chain
from orderflow.venues.mock.chain_store import ChainStore
from tests.model.explorer import Budget, Explorer
from tests.model.starts import STARTS, explorer_at, explorer_at_the_clock, explorer_of
from tests.model.world import World
from tests.mutants.concerned import SCRIPTS

ROOT = Path(__file__).parents[2]


class Fault(NamedTuple):
    """What finds a fault, and the fault: `wrong` in place of `right`, in one of the scripts unless it is a `rule`'s."""

    explorer: Callable[[World], Explorer]
    right: str
    wrong: str
    rule: object = None


def at(function: str) -> Callable[[World], Explorer]:
    """Return what explores a function that a market order comes to."""
    return lambda world: explorer_at(world, function, Budget(3, 1, 0, 0))


def at_the_clock(start: str) -> Callable[[World], Explorer]:
    """Return what explores the chain's clock."""
    return lambda world: explorer_at_the_clock(world, start, Budget(1, 1, 0, 0))


def when(start: str, *, pauses: bool = False) -> Callable[[World], Explorer]:
    """Return what explores a function that an order that waits comes to."""
    return lambda world: explorer_of(world, STARTS[start], Budget(1, 1, 0, 0, pauses=pauses))


FAULTS = {
    # Of any order
    "a message that comes twice": Fault(
        at("route_order"), "tonumber(current or '0') ~= tonumber(sequence) - 1", "false"
    ),
    "a signature that is sent twice": Fault(
        at("submit_order"), "redis.call('SETNX', KEYS[i], '') == 1", "redis.call('SET', KEYS[i], '')"
    ),
    # Accounts
    "an order that does not say whose it is": Fault(
        when("opened"), "redis.call('HSET', order_key, 'account', account)", ""
    ),
    "exits that are nobody's": Fault(
        when("executed before its exits"), ", account=order.account", "", after_execution.step_after
    ),
    "a slice that is nobody's": Fault(when("sliced"), "account=order.account,", "", firing.Firing._slice),
    # The clock
    "a block without a tick": Fault(at_the_clock("stands"), "if ticks and ARGV[5] == '' then", "if false then"),
    "no next beat": Fault(at_the_clock("runs"), "rest(timers, wakes, beat + interval, stream, 1, heartbeat)", ""),
    "a clock that stops anyway": Fault(
        at_the_clock("ends"), "(redis.call('HGET', KEYS[1], 'demand') or '0') ~= ARGV[1]", "false"
    ),
    # Limits
    "an atom below the limit": Fault(
        when("routed"),
        "minimum_of(self.least, route.amount_in)",
        "minimum_of(self.least, route.amount_in) - 1",
        Order.least_out,
    ),
    "a limit rounded down": Fault(when("routed"), "ceil(", "int(", conditions.minimum_of),
    "a limit that the chain does not guard": Fault(
        when("refused"), "amount_out < transaction.minimum_out", "amount_out < 0", chain._execute
    ),
    "a limit that is not looked at": Fault(when("looked at"), "at_limit.append(each)", "pass", firing.Firing.look_at),
    "the limit of a stop forgotten": Fault(
        when("fired at a limit"), "trigger.limit if trigger else None", "None", Order.limit
    ),
    # Stops
    "a stop that no tick finds": Fault(
        when("fired"), "add(redis.call('ZREVRANGEBYSCORE', book, '+inf', price, 'LIMIT', 0, per_book))", ""
    ),
    "a stop that is never fired": Fault(
        when("fired"), "trigger.rule if slot - since + 1 >= trigger.slots else None", "None", resting.judge
    ),
    "a stop fired at another price": Fault(
        when("fired"),
        "self._tick.slot, prices.reference)",
        "self._tick.slot, prices.reference / 2)",
        firing.Firing._judge,
    ),
    "slots in a row not counted": Fault(when("held"), "slot - since + 1 >= trigger.slots", "True", resting.judge),
    "slots counted that were not in a row": Fault(when("held"), "rule=None, since=None", "", resting.judge),
    "a stop not tried again": Fault(
        when("refused as a stop"),
        "refused(order, execution.error,",
        "order.fail(execution.error, now_ms) or (",
        execution.apply_execution,
    ),
    # Trailing stops
    "a watermark that does not rise": Fault(
        when("followed"), "Fraction(reference) < _next_mark(marks.watermark)", "True", resting._followed
    ),
    "a watermark that is not noted": Fault(when("followed"), "    redis.call('HSET', order_key, 'marks', marks)\n", ""),
    "a watermark that rose while it was amended": Fault(
        when("followed while it is amended", pauses=True), "if watermark then", "if false then"
    ),
    # One of two
    "one of two that stays in its book": Fault(
        when("fired as one of two"), "redis.call('ZREM', prefix .. 'book:' .. name, id)", ""
    ),
    "the other one of two": Fault(
        when("fired as one of two"),
        "trigger.rule, reference,",
        "order.request.triggers[-1].rule, reference,",
        firing.Firing._judge,
    ),
    # Cancels
    "cancelled, and executed all the same": Fault(
        when("executed"), "order.status is Status.SUBMITTED or ", "", taking_back._take_back
    ),
    "a requested end ignored": Fault(
        when("refused"), "ending and (status == 'open' or status == 'triggered')", "false"
    ),
    "a requested end not noted": Fault(when("refused"), "redis.call('HSETNX', order_key, 'ending', ARGV[1])", ""),
    "a slice that goes on without its whole": Fault(
        when("sliced"),
        "order.status is Status.SUBMITTED or order.has_slice_under_way",
        "order.status is Status.SUBMITTED",
        taking_back._take_back,
    ),
    # Expiries
    "a transaction valid after its order": Fault(
        when("landed"), "min(expires_at_ms, self.request.expires_at_ms - 1)", "expires_at_ms", Order.build
    ),
    "an expiry that the chain does not look at": Fault(
        when("landed"), " or now_ms > transaction.expires_at_ms", "", chain._execute
    ),
    "a block that comes too late": Fault(when("landed"), "ARGV[4] ~= '' and now_ms() > tonumber(ARGV[4])", "false"),
    "an expiry ignored": Fault(when("expired"), "expires_at_ms <= now_ms:", "False:", expiring.expire),
    "an expiry that is not planned": Fault(
        when("expired"), "redis.call('ZADD', prefix .. 'expiries', time, id .. ' 1')", ""
    ),
    "an expiry that outlives its order": Fault(when("expired"), "expires and ENDS[status]", "false"),
    # Slices and exits
    "a slice counted twice": Fault(when("settled"), " or order.progress.ended >= ended.slice", "", slices.settle),
    "a slice not counted": Fault(
        when("settled"), "if orders.apply([Transition(after)])[0]:", "if True:", slices.settle
    ),
    "a slice of more than is left": Fault(
        when("sliced"), "order.amount_remaining //", "order.request.amount_in //", slicing.slice_amount
    ),
    "a slice without the limit of the whole": Fault(
        when("sliced"), "limit=request.limit,", "limit=conditions.Limit(min_amount_out=1),", slicing.slice_request
    ),
    "a slice without the time of the whole": Fault(
        when("sliced"), "expires_at_ms=request.expires_at_ms,", "", slicing.slice_request
    ),
    "a slice that has left before it is added": Fault(
        when("settled after it has left"), "if not ENDS[status] then", "if true then"
    ),
    "a slice that is not made": Fault(when("settled"), "if child ~= '' then", "if false then"),
    "a part that is all": Fault(when("executed in part"), "filled >= self.request.amount_in", "True", Order.fill),
    "no exits": Fault(
        when("executed before its exits"), "if not order.request.exits:", "if True:", after_execution.step_after
    ),
    "exits of what was sold": Fault(
        when("executed before its exits"), "confirmed.amount_out or 0", "request.amount_in", brackets.exits_request
    ),
    # Launches
    "a launch that its tick lacks": Fault(
        when("launched"), "self.tick(after, blocks.launches, ", "self.tick(after, (), ", ChainStore.commit
    ),
    "a launch that finds nobody": Fault(when("launched"), "in tick.launches", "in ()", books._launched),
    "a launch that is not looked for": Fault(
        when("at rest as any launch opens"), "launch.trades_at(tick.slot)", "False", open_order._with_launches
    ),
    "a launch that came before": Fault(
        when("at rest after its launch"),
        "order.rests is None or launch.open_slot > order.rests.since_slot",
        "True",
        firing.Firing._snipe,
    ),
    "a launch that is not what was asked for": Fault(
        when("launched as it is amended"), "refusal is None and prices", "prices", firing.Firing._snipe
    ),
    "a launch that is waited for after it came": Fault(
        when("launched"),
        "    redis.call('ZREM', prefix .. 'book:' .. name, id)",
        "    if name:find('^launch:') == nil then redis.call('ZREM', prefix .. 'book:' .. name, id) end",
    ),
    # Tokens that close
    "a close that its tick lacks": Fault(
        when("closed"),
        "self.tick(after, blocks.launches, blocks.ended)",
        "self.tick(after, blocks.launches)",
        ChainStore.commit,
    ),
    "a close that finds nobody": Fault(when("closed"), "if symbol in closed", "if False", books._closed),
    "one that is in no book of its token": Fault(
        when("closed"), "if not order.request.tokens:", "if True:", resting.place_of
    ),
    "a token that has closed and is waited for": Fault(
        when("looked at as its token closes"),
        "not self._closed.isdisjoint(launched_names(order))",
        "False",
        firing.Firing._end_of,
    ),
    "a close that nobody asks for": Fault(
        when("at rest as its token closes"), "venue.closed(asked)", "set()", closing.find_closed
    ),
    "a pool that has closed and is tried again": Fault(
        when("refused by a pool that has closed"),
        "not results.closed.isdisjoint(launched_names(order))",
        "False",
        confirm_order.confirm,
    ),
    "a route that is asked for again after the close": Fault(
        when("routed as its token closes"), "isinstance(refusal, PoolClosedError)", "False", attempts.rejected
    ),
    # Snipes
    "steps at once of which the first is not taken": Fault(
        when("sniped"), "ARGV[a + 9] == '1' and taken[i - 5] or 1", "1"
    ),
    "a step that is not taken behind an old one": Fault(
        when("sniped again"), "ARGV[a + 9] == '1' and taken[i - 5] or 1", "KEYS[i] == KEYS[i - 1] and taken[i - 5] or 1"
    ),
    "a route that is a late copy's": Fault(
        when("sniped again"), "found.prepared[order.version]", "next(iter(found.prepared.values()))", snipe_order.snipe
    ),
    "a transaction that is not on record": Fault(
        when("sniped as the price moves"),
        "(recorded := _recorded(order)) is not None",
        "(recorded := order).status is Status.SUBMITTED",
        sending.send,
    ),
    "a transaction that is on record and not sent": Fault(
        when("sniped as its pool closes"),
        "clients.orders().find(order.order_id)",
        "clients.orders().find(order.order_id) if order.status is Status.SUBMITTED else None",
        sending._recorded,
    ),
    "a snipe that is tried for ever": Fault(
        when("refused as a snipe"), "MOST_SNIPE_ATTEMPTS if order.request.snipe else ", "", attempts.refused
    ),
    "exits on the wrong side of what was paid": Fault(
        when("sniped before its exits"), "-trigger.entry_bps", "trigger.entry_bps", brackets._at_price
    ),
}
"""By what is wrong."""


def plant(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a script, or a rule wherever it is used, say what is wrong, where what is right stands once."""
    if fault.rule is None:
        _change_script(fault, monkeypatch)
    else:
        _change_rule(fault.rule, fault, monkeypatch)


def _change_script(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [path.read_text(encoding="utf-8") for folder in SCRIPTS for path in (ROOT / folder).glob("*.lua")]
    assert sum(text.count(fault.right) for text in texts) == 1, fault.right
    source = scripts.source
    monkeypatch.setattr(
        scripts, "source", lambda *names, **where: source(*names, **where).replace(fault.right, fault.wrong)
    )


def _change_rule(rule: object, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = _function(rule)
    text = textwrap.dedent(inspect.getsource(rule))
    assert text.count(fault.right) == 1, fault.right
    made: dict[str, object] = {}
    changed = compile(text.replace(fault.right, fault.wrong), rule.__code__.co_filename, "exec")
    exec(changed, rule.__globals__, made)  # noqa: S102 - it is our own code
    monkeypatch.setattr(rule, "__code__", _function(made[rule.__name__]).__code__)


def _function(rule: object) -> FunctionType:
    """Return a rule as a function; of a property, the one that reads it."""
    function = rule.fget if isinstance(rule, property) else rule
    assert isinstance(function, FunctionType)
    return function
