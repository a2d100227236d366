"""What is under way in a partition, on a real Redis."""

import pytest
import redis

from orderflow.adapters import engine_state
from orderflow.adapters.engine_state import EngineState, PartitionState
from orderflow.adapters.keys import key
from orderflow.adapters.leases import Leases
from orderflow.adapters.messages import name_of
from orderflow.adapters.stream_lag import PartitionLag, StreamLag
from tests.support.builders import OTHER_ID, encode, make_order
from tests.support.redis_servers import on_single_and_cluster

pytestmark = on_single_and_cluster
ORDER = make_order()


def test_what_waits_rests_and_who_serves_it(client: redis.Redis) -> None:
    client.xadd(key("p0", "route"), {"order": name_of(ORDER.order_id, 1)}, id="5000-0")
    client.zadd(key("p0", "resting"), {ORDER.order_id: 1, OTHER_ID: 2})
    client.xadd(key("p0", "dead"), {"order": "{}"})
    leases = Leases(client, "poller-1")
    leases.hold("p0")
    leases.members()
    timers = [f"confirm 1 {name_of(ORDER.order_id, 4)}", f"confirm 2 {name_of(OTHER_ID, 4)}"]
    timers += [f"transactions 1 {encode(ORDER)}", 'transactions 1 {"heartbeat":true}', 'reports 1 {"report":"market"}']
    client.zadd(key("p0", "timers"), dict.fromkeys(timers, 1))

    state = EngineState(client).look("p0", ["route", "build"], 9_000)

    lags = [StreamLag("route", 1, 4_000), StreamLag("build", 0, 0)]
    assert state == PartitionState(
        PartitionLag(lags, 5, 1, timers_late_ms=8_999, resting=2), {"confirm": 2, "transactions": 1}, "poller-1"
    )
    assert EngineState(client).event_sources() == ["poller-1"]


def test_where_nothing_is_and_nobody_serves(client: redis.Redis) -> None:
    state = EngineState(client).look("p7", ["route"], 9_000)

    assert state == PartitionState(PartitionLag([StreamLag("route", 0, 0)], 0, 0), {}, "")
    assert EngineState(client).event_sources() == []


def test_of_very_many_timers_the_next_ones_are_looked_at(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_state, "MOST_TIMERS", 3)
    members = {f"build {number} {name_of(ORDER.order_id, 2)}": number for number in range(1, 6)}
    client.zadd(key("p0", "timers"), members | {f"submit 1 {name_of(ORDER.order_id, 3)}": 0})

    assert EngineState(client).look("p0", [], 9_000).timers == {"submit": 1, "build": 2, "": 3}
