"""The registry of venue families: what is found, opened and refused before anything is started."""

from functools import partial
from pathlib import Path

import pytest
import redis

from orderflow.adapters.replication import Replication
from orderflow.errors import ConfigurationError
from orderflow.runtime.settings import read_settings
from orderflow.venues import Resources, check_settings, open_venue
from orderflow.venues.mock.venue import MockVenue


def opened(**environment: str) -> MockVenue:
    """Return the mock market as it is opened in an environment; nothing is asked of its Redis."""
    client = redis.Redis()
    found = Resources(partial(read_settings, environment=environment), lambda: client, lambda: Replication(client, 0))
    venue = open_venue("mock", found)
    assert isinstance(venue, MockVenue)
    return venue


@pytest.mark.parametrize(
    ("environment", "beat_ms"),
    [({}, 400), ({"SPEED": "0.5"}, 200), ({"SPEED": "0"}, 20), ({"CLOCK": "manual"}, 0), ({"SPEED": "10"}, 4_000)],
)
def test_the_clock_beats_once_a_slot_by_the_speed_or_not_at_all(environment: dict[str, str], beat_ms: int) -> None:
    assert opened(**environment).chain.clock.beat_ms == beat_ms


def test_the_settings_of_the_mock_market_are_checked_before_it_is_opened(tmp_path: Path) -> None:
    script = tmp_path / "market.csv"
    script.write_text("7,SOL,220\n")
    check_settings("mock", partial(read_settings, environment={"MARKET_SCRIPT": str(script)}))

    script.write_text("7,SOL,nothing\n")
    for refused in (partial(check_settings, "mock"), lambda _read: opened(MARKET_SCRIPT=str(script))):
        with pytest.raises(ConfigurationError, match="^MARKET_SCRIPT="):
            refused(partial(read_settings, environment={"MARKET_SCRIPT": str(script)}))


@pytest.mark.parametrize(
    ("every", "error"), [("0", None), ("25", None), ("9000", None), ("1", "0, or 25"), ("24", "0, or 25")]
)
def test_launches_lie_25_slots_apart_at_least(every: str, error: str | None) -> None:
    read = partial(read_settings, environment={"LAUNCH_EVERY_SLOTS": every})
    if error is None:
        check_settings("mock", read)
        assert opened(LAUNCH_EVERY_SLOTS=every).chain.calendar.every == int(every)
        return

    for refused in (partial(check_settings, "mock", read), partial(opened, LAUNCH_EVERY_SLOTS=every)):
        with pytest.raises(ConfigurationError, match=f"^LAUNCH_EVERY_SLOTS={every} can't be used: it must be {error}"):
            refused()


def test_a_family_without_settings_to_check_is_fine() -> None:
    check_settings("tests.support.memory_venue:open_venue", read_settings)


def test_a_family_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="^VENUE='nowhere' can't be used: "):
        check_settings("nowhere", read_settings)
