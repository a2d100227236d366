"""Which modules and scripts keep the guarantees, and the tests that concern each, the quickest first."""

from pathlib import Path

PACKAGE = Path("layers/orderflow/orderflow")
SCRIPTS = (PACKAGE / "adapters/scripts", PACKAGE / "venues/mock/scripts")
PARTITIONED = ("unit/adapters/test_keys.py", "integration/test_transition.py")
TIMERS = ("integration/test_leases_and_timers.py", "integration/test_event_source.py")
STREAMS = ("integration/test_transition.py", *TIMERS)
FORMER = ("integration/test_former_orders.py",)
TURNS = ("integration/test_turns.py", "integration/test_shared_pollers.py")
RECORDS = ("integration/test_trimming.py", "integration/test_redrive.py", "integration/test_event_source.py")
LEDGER = (
    "functional/test_record_order.py",
    "functional/test_read_orders.py",
    "unit/adapters/test_ledger_documents.py",
    "integration/test_ledger.py",
    "integration/test_ledger_steps.py",
    "integration/test_ledger_waiting.py",
    "integration/test_ledger_lists.py",
    "integration/test_ledger_connections.py",
)
VENUE = ("integration/test_chain_store.py", "integration/test_launches.py")
CLOCK = ("integration/test_chain_clock.py",)
WAITING = (
    "integration/test_coming_to_rest.py",
    "integration/test_books.py",
    "integration/test_orders_that_wait.py",
    "integration/test_snipers.py",
)
RESTING = (
    "unit/domain/test_resting.py",
    "functional/test_open_order.py",
    "functional/test_trigger_orders.py",
    "functional/test_snipe_order.py",
)
REPLICATION = ("integration/test_cluster_replication.py",)
ROOM = ("integration/test_intake.py", "integration/test_intake_batches.py", "integration/test_overload.py")
RATE_LIMITS = ("integration/test_rate_limits.py",)
ACCESS = ("integration/test_api_key_copies.py",)
SUBSCRIPTIONS = ("integration/test_watchers.py", "integration/test_subscriptions.py")
FEEDS = (
    "integration/test_feeds_repeats.py",
    "integration/test_feeds.py",
    "integration/test_feeds_crashes.py",
)
REPORTS = ("functional/test_publish_reports.py", "integration/test_reports.py")
ENGINE = ("integration/test_engine_state.py",)
POOLS = (
    "unit/domain/pools/test_pool_types.py",
    "unit/domain/pools/test_constant_product.py",
    "unit/domain/pools/test_swap.py",
    "unit/domain/pools/test_dlmm_math.py",
    "unit/venues/mock/test_dlmm_opening.py",
    "unit/domain/pools/test_dlmm.py",
    "unit/domain/pools/test_pool_invariants.py",
)
POLLING = (
    "unit/event_source/test_poller.py",
    "unit/event_source/test_poller_reading.py",
    "unit/event_source/test_mapped_function.py",
    "unit/event_source/test_mapped_function_failures.py",
    "integration/test_event_source.py",
    "integration/test_shared_pollers.py",
    "integration/test_failing_threads.py",
)
WATCHING = (
    "functional/test_watch_order.py",
    "functional/test_frame_limits.py",
    *SUBSCRIPTIONS,
)

CONCERNED = {
    "adapters/books": WAITING,
    "adapters/capacity": ("unit/adapters/test_capacity.py", "integration/test_overload.py"),
    "adapters/channels": ("functional/test_watch_order.py", *FEEDS),
    "adapters/dead_letters": ("integration/test_redrive.py", "integration/test_redrive_over_http.py"),
    "adapters/engine_state": ENGINE,
    "adapters/feeds": ("functional/test_publish_status.py", *FEEDS),
    "adapters/followers": ("functional/test_watch_order.py", *REPORTS),
    "adapters/intake": (
        "functional/test_accept_order.py",
        "functional/test_accept_order_names.py",
        "functional/test_accept_order_batch.py",
        *ROOM,
    ),
    "adapters/keys": PARTITIONED,
    "adapters/ledger": LEDGER,
    "adapters/ledger_connections": LEDGER,
    "adapters/ledger_documents": LEDGER,
    "adapters/ledger_queries": LEDGER,
    "adapters/ledger_writing": LEDGER,
    "adapters/orders": ("functional/test_route_order.py", "functional/test_submit_order.py", *PARTITIONED),
    "adapters/rate_limits": RATE_LIMITS,
    "adapters/replication": ("functional/test_submit_order.py", *REPLICATION),
    "adapters/reports": REPORTS,
    "adapters/stream_lag": ("integration/test_lag.py", *ENGINE),
    "adapters/streams": ("integration/test_trimming.py", *STREAMS),
    "adapters/subscriptions": WATCHING,
    "adapters/tallies": ("integration/test_tallies.py", "functional/test_publish_reports.py"),
    "venues/mock/arbitrage": ("unit/venues/mock/test_arbitrage.py", "unit/venues/mock/test_background.py"),
    "venues/mock/chain_clock": CLOCK,
    "venues/mock/chain_store": ("functional/test_submit_order.py", *VENUE, *CLOCK),
    "adapters/watchers": WATCHING,
    "domain/amounts": ("unit/domain/test_amounts.py", "functional/test_accept_order_numbers.py"),
    "domain/attempts": ("unit/domain/test_attempts.py", *RESTING),
    "domain/brackets": ("unit/domain/test_brackets.py", "functional/test_confirm_order.py"),
    "domain/conditions": ("unit/domain/test_conditions.py", *RESTING),
    "domain/execution": ("unit/domain/test_execution.py", "functional/test_confirm_order.py"),
    "domain/market_prices": ("unit/domain/test_market_prices.py",),
    "domain/order": (
        "unit/domain/test_order.py",
        "unit/domain/test_order_that_waits.py",
        "unit/runtime/http/test_order_view.py",
        "unit/adapters/test_codec.py",
        "functional/test_stream_events.py",
    ),
    "domain/resting": RESTING,
    "domain/slicing": ("unit/domain/test_slicing.py", "functional/test_settle_slice.py", *RESTING),
    "domain/tally": ("unit/domain/test_tally.py",),
    "domain/pools/constant_product": POOLS,
    "domain/pools/curves": ("unit/domain/router/test_split.py", *POOLS),
    "domain/pools/dlmm": POOLS,
    "domain/pools/dlmm_math": POOLS,
    "venues/mock/dlmm_opening": POOLS,
    "venues/mock/market_script": ("unit/venues/mock/test_market_script.py",),
    "domain/pools/meteora": POOLS,
    "domain/pools/raydium": POOLS,
    "domain/pools/swap": POOLS,
    "domain/slippage": (
        "unit/domain/test_slippage.py",
        "functional/test_accept_order.py",
        "functional/test_accept_order_numbers.py",
    ),
    "domain/lifecycle": (
        "unit/domain/test_lifecycle.py",
        "unit/domain/test_order.py",
        "functional/test_a_new_status.py",
    ),
    "event_source/failure_destination": (
        "unit/event_source/test_failure_destination.py",
        "unit/event_source/test_mapped_function_failures.py",
    ),
    "event_source/held_partition": ("integration/test_shared_pollers.py", "integration/test_event_source.py"),
    "event_source/health": ("unit/event_source/test_health.py",),
    "event_source/invoke": ("unit/event_source/test_invoke.py", *POLLING),
    "event_source/lag": ("integration/test_lag.py",),
    "adapters/leases": STREAMS,
    "event_source/mapped_function": POLLING,
    "event_source/mapping": ("unit/event_source/test_mapping.py", "integration/test_lag.py"),
    "event_source/poller": POLLING,
    "event_source/source": ("unit/event_source/test_health.py", *POLLING, "integration/test_partition_count.py"),
    "event_source/slowness": ("unit/event_source/test_slowness.py", "unit/event_source/test_poller.py"),
    "runtime/batch": (
        "functional/test_stream_events.py",
        "functional/test_partitions.py",
        "functional/test_a_new_status.py",
        "functional/test_metrics.py",
        "functional/test_submit_order.py",
        "functional/test_confirm_order.py",
    ),
    "runtime/end_order": ("unit/runtime/test_end_order.py",),
    "runtime/firing": RESTING,
    "runtime/taking_back": ("unit/runtime/test_taking_back.py", "functional/test_expire_order.py"),
    "runtime/stage": (
        "functional/test_passing_on.py",
        "functional/test_a_new_status.py",
        "functional/test_metrics.py",
        "functional/test_submit_order.py",
        "functional/test_confirm_order.py",
    ),
    "scripts/abandon": VENUE,
    "scripts/acknowledge": RECORDS,
    "scripts/add_socket": ("integration/test_account_sockets.py",),
    "scripts/append_feed": FEEDS,
    "scripts/ask_for_feed": FEEDS,
    "scripts/barrier": REPLICATION,
    "scripts/begin_report": REPORTS,
    "scripts/count_timers": ENGINE,
    "scripts/follow": REPORTS,
    "scripts/keep_report": REPORTS,
    "scripts/books": WAITING,
    "scripts/candidates": WAITING,
    "scripts/dead_letter": RECORDS,
    "scripts/beat": CLOCK,
    "scripts/beats": CLOCK,
    "scripts/claim_feed": FEEDS,
    "scripts/commit_block": (*VENUE, *CLOCK),
    "scripts/create": (*ROOM, "integration/test_books.py"),
    "scripts/defer": RECORDS,
    "scripts/deliver": (*STREAMS, *VENUE, *WAITING),
    "scripts/entry_ids": ("integration/test_trimming.py", *SUBSCRIPTIONS),
    "scripts/flag_feed": FEEDS,
    "scripts/followed": FEEDS,
    "scripts/heartbeat": TIMERS,
    "scripts/expire": VENUE,
    "scripts/keep_key": ACCESS,
    "scripts/keep_time": CLOCK,
    "scripts/leave": (*SUBSCRIPTIONS, *FEEDS),
    "scripts/expire_after_recording": ("integration/test_transition.py", *SUBSCRIPTIONS),
    "scripts/limit": RATE_LIMITS,
    "scripts/load_orders": FORMER,
    "scripts/look_up_key": ACCESS,
    "scripts/promote": (*STREAMS, *WAITING),
    "scripts/rebook": WAITING,
    "scripts/redrive": RECORDS,
    "scripts/release_lease": TIMERS,
    "scripts/renew_lease": TIMERS,
    "scripts/request_end": WAITING,
    "scripts/schedule": (*VENUE, *RECORDS),
    "scripts/send": VENUE,
    "scripts/serve_feed": FEEDS,
    "scripts/steps_of": FORMER,
    "scripts/stop_time": CLOCK,
    "scripts/subscribe": (*SUBSCRIPTIONS, "integration/test_intake.py"),
    "scripts/time": (*STREAMS, *VENUE),
    "scripts/transition": (*STREAMS, *WAITING),
    "scripts/trim": RECORDS,
    "scripts/turn": (*TURNS, *TIMERS),
    "scripts/watch": (*SUBSCRIPTIONS, *FEEDS),
    "scripts/watched": SUBSCRIPTIONS,
}


def file_of(name: str) -> Path:
    """Return where a module or a script lies, from the root."""
    if name.startswith("scripts/"):
        files = [folder / f"{name.removeprefix('scripts/')}.lua" for folder in SCRIPTS]
        return next((file for file in files if file.is_file()), files[0])
    return PACKAGE / f"{name}.py"


def paths(tests: tuple[str, ...]) -> list[str]:
    """Return tests' paths from the root, each once, in their order."""
    return [f"tests/{name}" for name in dict.fromkeys(tests)]
