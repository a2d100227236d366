"""issue_ticket through its Lambda handler: tickets that open sockets, for callers who may read."""

import pytest
import redis

from functions.issue_ticket.handler import lambda_handler
from orderflow.adapters.tickets import KEEP_S
from orderflow.domain.access import Caller, Limits, Permission
from orderflow.domain.order import iso_timestamp
from orderflow.errors import RetryableError
from orderflow.runtime.access import caller_of, context_of
from tests.support.builders import NOW_MS, read_event
from tests.support.fakes.outside import Outside
from tests.support.http_api import Answer, assert_problem, call

pytestmark = pytest.mark.usefixtures("_event_loop")

ALICE = Caller("alice", frozenset({"read"}), "7AeQnb2Xk1c", Limits(sockets=3))


def issue(caller: Caller = ALICE) -> Answer:
    event = read_event("issue_ticket.issue")
    event["requestContext"]["authorizer"] = {"lambda": context_of(caller)}
    return call(event)


def test_a_ticket_stands_for_its_caller(outside: Outside) -> None:
    answer = issue()

    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    ticket = answer.document["ticket"]
    assert answer.document == {"ticket": ticket, "expires_at": iso_timestamp(NOW_MS + KEEP_S * 1000)}
    assert caller_of({"requestContext": {"authorizer": outside.tickets.held[ticket]}}) == ALICE


@pytest.mark.parametrize("permission", ["trade", "market", "admin"])
def test_who_may_not_read_gets_no_ticket(outside: Outside, permission: Permission) -> None:
    assert_problem(issue(Caller("alice", frozenset({permission}))), 403)
    assert outside.tickets.held == {}


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), RetryableError("Redis can't be reached")])
def test_without_redis_there_are_no_tickets(outside: Outside, error: Exception) -> None:
    outside.tickets.error = error

    assert_problem(issue(), 503)


def test_nobody_gets_a_ticket_whom_no_authorizer_has_seen(outside: Outside) -> None:
    event = read_event("issue_ticket.issue")
    del event["requestContext"]["authorizer"]

    assert lambda_handler(event, None)["statusCode"] == 500
    assert outside.tickets.held == {}
