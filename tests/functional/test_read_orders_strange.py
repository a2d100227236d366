"""read_orders asked for with whatever a client can write: never an error of ours, nothing strange below."""

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.builders import ORDER_ID
from tests.support.fakes.outside import Outside
from tests.support.http_api import assert_problem, get

pytestmark = pytest.mark.usefixtures("_event_loop")

ids = st.sampled_from(
    [ORDER_ID, ORDER_ID.upper(), f"{{{ORDER_ID}}}", f"urn:uuid:{ORDER_ID}", ORDER_ID.replace("-", "")]
)
offsets = st.sampled_from(
    ["", "Z", *(f"{sign}{hours:02}:{rest}" for sign in "+-" for hours in range(25) for rest in ("00", "59", "59:59"))]
)
moments = st.sampled_from(
    [
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59.999999",
        "2026-11-22T24:00:00",
        "2026-11-22T23:59:60",
        "infinity",
        "now",
        "2026-11-22",
        "-0001-01-01",
        "2026-W47-7",
        "20261122T181401",
        "2026-02-29T00:00:00",
        "epoch",
        "294276-12-31",
        "0",
    ]
)
texts = st.text(st.characters(exclude_categories=[]), max_size=80)


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cursor=st.one_of(st.builds("{}{} {}".format, moments, offsets, st.one_of(ids, texts)), texts))
def test_a_cursor_is_refused_or_reaches_the_ledger_in_utc(outside: Outside, cursor: str) -> None:
    outside.ledger.asked.clear()

    answer = get("/api/orders", cursor=cursor_of(cursor))

    if answer.status == 200 and outside.ledger.asked[0].before:
        at, order_id = outside.ledger.asked[0].before
        assert order_id == ORDER_ID
        assert at.endswith("+00:00")
        assert timedelta() == datetime.fromisoformat(at).utcoffset()
        assert datetime.fromisoformat(at) >= datetime.min.replace(tzinfo=UTC)
    elif answer.status != 200:
        assert_problem(answer, 400)


@pytest.mark.parametrize("offset", ["+16:00", "+15:59:59", "+23:59", "-16:00", "-23:59:59", "+14:01", "+24:00"])
def test_a_cursor_with_an_offset_that_no_clock_has_is_refused(outside: Outside, offset: str) -> None:
    problem = assert_problem(get("/api/orders", cursor=cursor_of(f"2026-11-22T18:14:01{offset} {ORDER_ID}")), 400)

    assert problem["errors"] == [{"field": "cursor", "rule": "must be the next_cursor of a page"}]
    assert outside.ledger.asked == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=texts, query=st.dictionaries(st.sampled_from(["status", "limit", "token_in", "client_order_id", "x"]), texts)
)
def test_no_path_and_no_query_is_an_error_of_ours(outside: Outside, path: str, query: dict[str, str]) -> None:
    query = {name: value.encode(errors="replace").decode() for name, value in query.items()}

    for target in (f"/{path}", f"/api/orders/{path}", "/api/orders", "/api/quote", "/health", "/docs", f"/docs/{path}"):
        assert get(target, **query).status < 500


@pytest.mark.parametrize(
    "strange",
    [
        ORDER_ID.replace("0", "٠"),
        ORDER_ID.replace("1", "_"),
        f"+{ORDER_ID[1:]}",
        f" {ORDER_ID[1:]}",
        ORDER_ID + "\n",
        "urn:" * 9 + ORDER_ID,
        ORDER_ID.replace("-", "----"),
        f"{ORDER_ID}\x00",
        "\x00" * 36,
        "x" * 100000,
    ],
)
def test_what_is_no_id_is_not_found_and_not_sought(outside: Outside, strange: str) -> None:
    assert_problem(get(f"/api/orders/{strange}"), 404)

    assert outside.orders.transitions == []
    assert not re.search("error", str(outside.ledger.asked))
