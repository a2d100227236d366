"""What comes in an Authorization header, whatever it is: one key is taken, and everything else is denied alike."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from functions.authorize_request.credentials import authorization_of, key_in
from orderflow.domain.key_text import read_key_text
from tests.support.builders import read_event

TEXT = str(read_event("authorize_request.http")["headers"]["authorization"]).removeprefix("Bearer ")
SAID = read_key_text(TEXT)
NAME = st.lists(st.booleans(), min_size=13, max_size=13).map(
    lambda upper: "".join(c.upper() if u else c for c, u in zip("authorization", upper, strict=True))
)
SCHEME = st.lists(st.booleans(), min_size=6, max_size=6).map(
    lambda upper: "".join(c.upper() if u else c for c, u in zip("bearer", upper, strict=True))
)


def socket_event(headers: dict[str, list[str]]) -> dict[str, Any]:
    return {"headers": {name: values[-1] for name, values in headers.items()}, "multiValueHeaders": headers}


@given(NAME, SCHEME, st.integers(1, 20), st.sampled_from(["", " ", "\t "]))
def test_the_name_and_the_scheme_are_read_in_any_case(name: str, scheme: str, blanks: int, end: str) -> None:
    value = f"{scheme}{' ' * blanks}{TEXT}{end}"

    for event in (
        {"headers": {name: value}},
        socket_event({name: [value]}),
        socket_event({"Host": ["x"], name: [value]}),
    ):
        authorization = authorization_of(event)
        assert authorization is not None
        assert key_in(authorization) == SAID


@given(st.text())
def test_any_other_text_is_no_key(text: str) -> None:
    assume(text.strip().lower().removeprefix("bearer").strip() != TEXT.lower())

    assert key_in(text) is None
    assert key_in(f"Bearer {text}") is None
    assert key_in(f"Bearer {TEXT} {text}x") is None


def test_strangers_can_not_fill_the_memory_with_long_headers() -> None:
    tracemalloc.start()
    for number in range(200):
        assert key_in(f"Bearer {number}".ljust(60_000, "x")) is None
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 1_000_000


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_a_key_with_one_other_character_is_none(place: int, other: str) -> None:
    assume(TEXT[place] != other)

    said = key_in(f"Bearer {TEXT[:place]}{other}{TEXT[place + 1 :]}")

    assert SAID is not None
    assert said is None or said.digest != SAID.digest


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        f"Bearer{TEXT}",
        f"Bearer\t{TEXT}",
        f"Basic {TEXT}",
        f"Bearer Bearer {TEXT}",
        f"Bearer {TEXT},",
        f"Bearer {TEXT}, Bearer {TEXT}",
        f"Bearer {TEXT},Bearer {TEXT}",
        f"Basic eDp5,Bearer {TEXT}",
        f'Bearer realm="x", {TEXT}',
        f"Bearer {TEXT}\n",
        f"Bearer {TEXT}\x00",
        f"Bearer {TEXT.upper()}",
        f"Bearer \u00a0{TEXT}",
        f"ʙearer {TEXT}",
        f"Bearer {TEXT}\u200b",
        "Bearer " + "a" * 100_000,
        f"Bearer {' ' * 100_000}{TEXT}",
        f"Bearer {TEXT}{' ' * 100_000}",
        f"Bearer {TEXT * 1_000}",
    ],
)
def test_what_is_not_exactly_one_key_is_none(value: str) -> None:
    assert key_in(value) is None


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"headers": None},
        {"headers": {}},
        {"headers": {"authorization": ""}},
        {"headers": {"authorization": " \t "}},
        {"headers": {"authorization": None}},
        {"headers": {"x-authorization": f"Bearer {TEXT}"}},
        {"headers": {"Authorization": f"Bearer {TEXT}"}, "multiValueHeaders": {}},
        {"headers": {}, "multiValueHeaders": {"Authorization": []}},
        {"headers": {}, "multiValueHeaders": {"Authorization": [""]}},
    ],
)
def test_where_there_is_nothing_there_is_nothing(event: dict[str, Any]) -> None:
    assert authorization_of(event) is None


@pytest.mark.parametrize(
    "event",
    [
        {"headers": {"authorization": f"Bearer {TEXT}", "Authorization": f"Bearer {TEXT}"}},
        socket_event({"Authorization": [f"Bearer {TEXT}"] * 2}),
        socket_event({"Authorization": [f"Bearer {TEXT}"], "authorization": [f"Bearer {TEXT}"]}),
        socket_event({"Authorization": ["", f"Bearer {TEXT}"]}),
    ],
)
def test_of_several_headers_none_is_taken(event: dict[str, Any]) -> None:
    authorization = authorization_of(event)

    assert authorization is not None
    assert key_in(authorization) is None
