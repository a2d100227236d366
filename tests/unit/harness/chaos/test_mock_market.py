"""chaos/mock_market.py: the delays that orders are allowed are those that the market makes."""

import msgspec

from orderflow.domain.launches import PRIORITIES, Snipe
from orderflow.domain.order import OrderRequest
from orderflow.domain.status import Status
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.universe import VENUES
from tests.harness.chaos.mock_market import simulated_delay_s
from tests.support.chaos_evidence import FIRST, REJECTED, good_run


def test_the_simulated_delay_is_the_markets_own() -> None:
    rows = {order.order_id: order for order in good_run()[0].orders}
    row = rows[FIRST]
    latency = Latency(seed=1, speed=0.5)
    request = OrderRequest(row.token_in, row.token_out, row.amount_in, "market", row.slippage_bps)
    delay_s = simulated_delay_s(0.5)

    assert delay_s(row, Status.PENDING) == 0
    assert delay_s(row, Status.ROUTING) == latency.scaled(latency.quotes(0, request, VENUES).wait_ms) / 1000
    assert delay_s(row, Status.BUILDING) == latency.scaled(latency.build_ms(0, request)) / 1000
    assert delay_s(row, Status.SUBMITTED) == (latency.landing(0, request).slots + 2) * 0.2
    assert delay_s(rows[REJECTED], Status.ROUTING) == 0


def test_what_a_launch_has_fired_waits_for_its_landing_alone_as_it_has_paid_for() -> None:
    latency, delay_s = Latency(seed=1, speed=0.5), simulated_delay_s(0.5)
    rows = {order.order_id: order for order in good_run()[0].orders}
    late = 0
    for slot in range(20):
        slots = {}
        for priority in PRIORITIES:
            row = msgspec.structs.replace(rows[FIRST], order_type="sniper", priority=priority, slot=slot)
            request = OrderRequest(
                row.token_in, row.token_out, row.amount_in, "sniper", 0, snipe=Snipe(priority=priority)
            )
            slots[priority] = latency.landing(slot, request).slots
            assert delay_s(row, Status.SUBMITTED) == latency.scaled((slots[priority] + 2) * 400) / 1000
            assert [delay_s(row, status) for status in (Status.ROUTING, Status.BUILDING)] == [0, 0]
        late += slots["normal"] - slots["turbo"]
    assert late > 0
