"""authorize_request through its Lambda handler, with the questions of both APIs."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from functions.authorize_request import authorizer, handler
from functions.authorize_request.authorizer import UnauthorizedError, is_good
from functions.authorize_request.handler import lambda_handler
from orderflow.adapters.api_key_copies import TooManyLookupsError
from orderflow.domain.access import ApiKey, Limits
from orderflow.errors import RetryableError
from orderflow.runtime.access import caller_of, context_of
from orderflow.runtime.refusals import Refusals
from tests.support.api_keys import changed, make_key
from tests.support.builders import NOW_MS, read_event
from tests.support.fakes.outside import Outside

Event = dict[str, Any]
ADDRESS = "203.0.113.7"
DENIED = {"isAuthorized": False}
ARN = read_event("authorize_request.socket")["methodArn"]


@pytest.fixture(autouse=True)
def _fresh_function(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the loop of the invocations before, and what was logged a moment ago."""
    monkeypatch.setattr(authorizer, "_denials", Refusals("authorize_request", "denied"))
    yield
    if handler._runner.cache_info().currsize:
        handler._runner().close()
    handler._runner.cache_clear()


@pytest.fixture
def held(outside: Outside) -> tuple[str, ApiKey]:
    """Return a key that there is."""
    text, key = make_key()
    outside.api_keys.held[key.id] = key
    return text, key


def http_event(*authorizations: str) -> Event:
    """Return a question of the HTTP API, which joins several headers of one name."""
    event: Event = read_event("authorize_request.http")
    del event["headers"]["authorization"]
    if authorizations:
        event["headers"]["authorization"] = ",".join(authorizations)
    return event


def socket_event(*authorizations: str, name: str = "Authorization", **query: str) -> Event:
    event: Event = read_event("authorize_request.socket")
    del event["headers"]["Authorization"], event["multiValueHeaders"]["Authorization"]
    if authorizations:
        event["headers"][name] = authorizations[-1]
        event["multiValueHeaders"][name] = list(authorizations)
    return event | {"queryStringParameters": query or None}


def ask(event: Event) -> Event:
    answer: Event = lambda_handler(event, None)
    return answer


def effect(policy: Event) -> str:
    [statement] = policy["policyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("execute-api:Invoke", ARN)
    return str(statement["Effect"])


def test_a_request_with_a_key_is_from_its_account(outside: Outside, held: tuple[str, ApiKey]) -> None:
    text, key = held

    answer = ask(http_event(f"Bearer {text}"))

    assert answer == {"isAuthorized": True, "context": context_of(key.caller)}
    assert caller_of({"requestContext": {"authorizer": {"lambda": answer["context"]}}}) == key.caller
    assert outside.api_key_copies.asked == [(key.id, ADDRESS)]


def test_a_socket_with_a_key_is_from_its_account(held: tuple[str, ApiKey]) -> None:
    text, key = held

    answer = ask(socket_event(f"Bearer {text}"))

    assert effect(answer) == "Allow"
    assert answer["principalId"] == key.account
    assert caller_of({"requestContext": {"authorizer": answer["context"]}}) == key.caller
    assert all(isinstance(value, str) for value in answer["context"].values()), "API Gateway takes no lists"


@pytest.mark.parametrize(
    ("differs", "reason"),
    [
        ({"digest": "0" * 64}, "unknown"),
        ({"revoked_at_ms": NOW_MS}, "revoked"),
        ({"expires_at_ms": NOW_MS}, "expired"),
        ({"networks": ("192.0.2.0/24",)}, "network"),
    ],
)
def test_a_key_that_is_good_for_nothing_is_denied_alike_and_the_log_alone_says_why(
    outside: Outside, caplog: pytest.LogCaptureFixture, differs: dict[str, Any], reason: str
) -> None:
    text, key = make_key(**differs)
    outside.api_keys.held[key.id] = key

    http = ask(http_event(f"Bearer {text}"))
    socket = ask(socket_event(f"Bearer {text}"))

    assert http == DENIED
    assert effect(socket) == "Deny"
    assert "context" not in socket
    [line] = [record for record in caplog.records if record.getMessage() == "denied"]
    said = vars(line)
    assert (said["reason"], said["detail"]) == (reason, f"key {key.id} from {ADDRESS}")


def test_no_line_of_the_log_has_a_key_in_it(
    outside: Outside, caplog: pytest.LogCaptureFixture, held: tuple[str, ApiKey]
) -> None:
    secret = held[0].split("_")[3]
    strange = [held[0], held[0][:-1], f"{held[0]},", f"x {held[0]}", held[0].upper()]
    outside.api_keys.error = RetryableError("Postgres is unavailable")

    for text in strange:
        for event in (http_event(text), http_event(f"Bearer {text}"), socket_event(f"Bearer {text}", ticket=text)):
            with suppress(RetryableError):
                ask(event)
        ask(socket_event(ticket=text))

    assert len(caplog.records) > 2
    assert [record for record in caplog.records if secret.lower() in str(vars(record)).lower()] == []


def test_a_ticket_opens_one_socket_from_anywhere(outside: Outside) -> None:
    _, key = make_key(networks=("192.0.2.0/24",))
    outside.api_keys.held[key.id] = key
    outside.tickets.held["of the page"] = context_of(key.caller)

    answers = [ask(socket_event(ticket="of the page")) for _ in range(2)]

    assert [effect(answer) for answer in answers] == ["Allow", "Deny"]
    assert answers[0]["context"] == context_of(key.caller)


@pytest.mark.parametrize("ended", [{"revoked_at_ms": NOW_MS}, {"expires_at_ms": NOW_MS}, None])
def test_a_ticket_of_a_key_that_has_ended_since_is_denied(outside: Outside, ended: dict[str, int] | None) -> None:
    _, key = make_key()
    if ended:
        outside.api_keys.held[key.id] = msgspec.structs.replace(key, **ended)
    outside.tickets.held["ticket"] = context_of(key.caller)

    assert effect(ask(socket_event(ticket="ticket"))) == "Deny"


def test_a_header_goes_before_a_ticket_which_stays_good(outside: Outside, held: tuple[str, ApiKey]) -> None:
    outside.tickets.held["ticket"] = context_of(held[1].caller)

    assert effect(ask(socket_event("Bearer nonsense", ticket="ticket"))) == "Deny"
    assert effect(ask(socket_event(f"Bearer {held[0]}", ticket="ticket"))) == "Allow"
    assert "ticket" in outside.tickets.held


def test_a_key_that_may_not_read_opens_no_socket(outside: Outside) -> None:
    text, key = make_key(permissions=("trade", "market", "admin"))
    outside.api_keys.held[key.id] = key
    outside.tickets.held["ticket"] = context_of(key.caller)

    assert effect(ask(socket_event(f"Bearer {text}"))) == effect(ask(socket_event(ticket="ticket"))) == "Deny"
    assert ask(http_event(f"Bearer {text}"))["isAuthorized"]


def test_a_key_in_a_query_opens_nothing(held: tuple[str, ApiKey]) -> None:
    assert effect(ask(socket_event(ticket=held[0]))) == "Deny"
    with pytest.raises(UnauthorizedError):
        ask(socket_event(key=held[0], authorization=held[0], access_token=held[0]))


@pytest.mark.parametrize("event", [socket_event(), socket_event(""), socket_event(" "), socket_event(ticket="")])
def test_a_socket_that_comes_with_nothing_raises_the_text_that_makes_a_401(outside: Outside, event: Event) -> None:
    with pytest.raises(UnauthorizedError) as raised:
        ask(event)

    assert str(raised.value) == "Unauthorized"


@pytest.mark.parametrize("event", [http_event(), http_event(""), http_event("  "), http_event() | {"headers": None}])
def test_a_request_that_comes_with_nothing_is_denied(outside: Outside, event: Event) -> None:
    assert ask(event) == DENIED


def test_too_many_unknown_keys_from_an_address_raise(outside: Outside) -> None:
    outside.api_key_copies.retry_after_ms = 40

    for event in (http_event(f"Bearer {make_key()[0]}"), socket_event(f"Bearer {make_key()[0]}")):
        with pytest.raises(TooManyLookupsError) as raised:
            ask(event)
        assert raised.value.retry_after_ms == 40

    assert outside.api_keys.asked == []


def test_a_key_is_good_until_it_ends(outside: Outside, held: tuple[str, ApiKey]) -> None:
    _, key = held
    _, revoked = make_key(revoked_at_ms=NOW_MS)
    outside.api_keys.held[revoked.id] = revoked

    async def ask_about(*key_ids: str) -> list[bool]:
        return [await is_good(key_id) for key_id in key_ids]

    assert asyncio.run(ask_about(key.id, revoked.id, "unknown")) == [True, False, False]


def test_a_key_that_has_ended_is_not_good_however_many_unknown_ones_its_address_asks_for(outside: Outside) -> None:
    _, revoked = make_key(revoked_at_ms=NOW_MS)
    outside.api_keys.held[revoked.id] = revoked
    outside.api_key_copies.retry_after_ms = 40

    assert asyncio.run(is_good(revoked.id)) is False


def test_limits_of_a_key_reach_the_functions(outside: Outside) -> None:
    text, key = make_key(limits=Limits(sockets=1))
    outside.api_keys.held[key.id] = key

    context = ask(http_event(f"Bearer {text}"))["context"]

    caller = caller_of({"requestContext": {"authorizer": {"lambda": context}}})
    assert caller.limits == Limits(sockets=1)


def test_a_change_is_seen_in_the_next_version(outside: Outside, held: tuple[str, ApiKey]) -> None:
    text, key = held
    outside.api_key_copies.held[key.id] = changed(key, revoked_at_ms=NOW_MS)

    assert ask(http_event(f"Bearer {text}")) == DENIED
