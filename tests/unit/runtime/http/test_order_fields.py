"""Fields of orders as clients write them: when an order is over, above all."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.runtime import clock
from orderflow.runtime.http.order_fields import read_expiry
from tests.support.builders import NOW_MS

YEAR_MS = 366 * 86_400_000


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)


def utc_ms(year: int, month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> int:
    return round(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("written", "at_ms"),
    [
        ("2026-12-01T12:00:00Z", utc_ms(2026, 12, 1, 12)),
        ("2026-12-01T12:00:00+02:00", utc_ms(2026, 12, 1, 10)),
        ("2026-12-01T12:00:00-05:30", utc_ms(2026, 12, 1, 17, 30)),
        ("2026-12-01t12:00:00z", utc_ms(2026, 12, 1, 12)),
        ("2026-12-01 12:00:00Z", utc_ms(2026, 12, 1, 12)),
        ("2026-12-01T12:00:00.1239999999Z", utc_ms(2026, 12, 1, 12) + 123),
        ("2027-02-28T23:59:59.5-00:00", utc_ms(2027, 2, 28, 23, 59, 59) + 500),
    ],
)
def test_a_time_with_an_offset_is_that_time_in_utc(written: str, at_ms: int) -> None:
    assert read_expiry(written) == at_ms


FORM = "must be a time of RFC 3339 with its offset, such as 2026-12-01T12:00:00Z"
OFFSET = "must have an offset, such as Z or +02:00"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (1_767_225_600, FORM),
        ("1767225600", FORM),
        (True, FORM),
        (["2026-12-01T12:00:00Z"], FORM),
        ("", FORM),
        ("tomorrow", FORM),
        ("2026-12-01", FORM),
        ("2026-12-01T12:00Z", FORM),
        ("20261201T120000Z", FORM),
        ("2026-W49-2T12:00:00Z", FORM),
        ("2026-12-01T24:00:00Z", FORM),
        ("2026-12-01T12:00:00+2:00", FORM),
        ("2026-12-01T12:00:00 02:00", FORM),
        ("2026-12-01T12:00:00Z ", FORM),
        (f"2026-12-01T12:00:00.{'0' * 21}Z", FORM),
        ("２０２６-12-01T12:00:00Z", FORM),
        ("2026-12-01T12:00:00", OFFSET),
        ("2026-12-01T12:00:00.5", OFFSET),
        ("2026-11-22T18:14:01.123Z", "must be in the future"),
        ("2026-11-22T19:14:01+01:00", "must be in the future"),
        ("0001-01-01T00:00:00+23:59", "must be in the future"),
        ("2027-11-23T18:14:01.124Z", "must be at most a year ahead"),
        ("9999-12-31T23:59:59-23:59", "must be at most a year ahead"),
    ],
)
def test_what_is_no_time_to_end_at_is_refused_with_the_rule(written: object, rule: str) -> None:
    with pytest.raises(ValueError, match="must") as refused:
        read_expiry(written)

    assert str(refused.value) == rule


@pytest.mark.parametrize("written", ["2026-13-01T12:00:00Z", "2027-02-29T12:00:00Z", "2026-12-01T12:60:00Z"])
def test_a_time_that_there_is_not_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="must be a time that there is: "):
        read_expiry(written)


@given(st.integers(NOW_MS + 1, NOW_MS + YEAR_MS), st.integers(-1_439, 1_439))
def test_whatever_its_offset_a_time_of_the_next_year_is_read_to_the_millisecond(at_ms: int, offset_min: int) -> None:
    local = datetime.fromtimestamp((at_ms + offset_min * 60_000) / 1000, UTC)
    hours, minutes = divmod(abs(offset_min), 60)
    sign = "-" if offset_min < 0 else "+"

    written = f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{sign}{hours:02d}:{minutes:02d}"

    assert read_expiry(written) == at_ms


def test_a_time_may_be_over_of_an_order_that_may_have_come_before() -> None:
    assert read_expiry("2026-11-22T18:14:01.123Z", may_be_over=True) == NOW_MS
    with pytest.raises(ValueError, match="must be at most a year ahead"):
        read_expiry("2027-11-23T18:14:01.124Z", may_be_over=True)
