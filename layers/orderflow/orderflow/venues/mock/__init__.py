"""The mock market: pools that live on a chain in Redis, with its delays, losses and other traders."""

from typing import TYPE_CHECKING

from orderflow.errors import ConfigurationError
from orderflow.venues.mock.market_script import read_market_script
from orderflow.venues.mock.settings import LEAST_APART, MockSettings

if TYPE_CHECKING:
    from orderflow.venues import Resources, SettingsReader
    from orderflow.venues.mock.venue import MockVenue


def open_venue(resources: "Resources") -> "MockVenue":
    """Return the mock market as its settings have it, on the chain in the process's Redis."""
    from orderflow.domain.ticks import SLOT_MS
    from orderflow.venues.mock.chain_clock import LEAST_BEAT_MS
    from orderflow.venues.mock.chain_store import ChainStore
    from orderflow.venues.mock.latency import Latency
    from orderflow.venues.mock.venue import MockVenue

    settings = resources.read_settings(MockSettings)
    latency = Latency(settings.seed, settings.speed, settings.drop_rate, settings.network_failure_rate)
    beat_ms = max(LEAST_BEAT_MS, latency.scaled(SLOT_MS)) if settings.clock == "auto" else 0
    launch_every = _launch_every(settings)
    chain = ChainStore(resources.redis_client(), settings.seed, beat_ms, launch_every)
    return MockVenue(chain, latency, resources.replication(), read_market_script(settings.market_script))


def check_settings(read_settings: "SettingsReader") -> None:
    """Raise ConfigurationError when a setting of the mock market can't be used."""
    settings = read_settings(MockSettings)
    read_market_script(settings.market_script)
    _launch_every(settings)


def _launch_every(settings: MockSettings) -> int:
    """Return how many slots lie between two launches, 0 for none; raise ConfigurationError where those are too few."""
    every = settings.launch_every_slots
    if 0 < every < LEAST_APART:
        raise ConfigurationError(f"LAUNCH_EVERY_SLOTS={every} can't be used: it must be 0, or {LEAST_APART} and more")
    return every
