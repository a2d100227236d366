"""chaos/history/feed.py: what is noted of the frames that a socket gets which follows its account."""

from typing import Any

import pytest

from tests.harness.chaos.history.feed import Feed, FeedEvent

SUBSCRIBED = {"channel": "orders", "subscribed": True, "sequence": 7}


def event(sequence: int, status: str = "pending", order_id: str = "a", of_order: int = 1) -> dict[str, Any]:
    inner = {"order_id": order_id, "sequence": of_order, "status": status}
    return {"channel": "orders", "sequence": sequence, "event": inner}


def feed_of(*frames: dict[str, Any]) -> Feed:
    feed = Feed("alpha")
    for frame in frames:
        feed.note(frame)
    return feed


def test_events_that_follow_the_subscription_one_by_one_are_in_order_over_a_resume() -> None:
    feed = feed_of(SUBSCRIBED, event(8), SUBSCRIBED | {"sequence": 9}, event(9, "confirmed", of_order=2))

    assert feed.problems == []
    assert feed.events == [FeedEvent("a", 1, "pending"), FeedEvent("a", 2, "confirmed")]
    assert (feed.last, feed.ended) == (9, {"a"})


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        ([event(8)], "received 8 after None"),
        ([SUBSCRIBED, event(9)], "received 9 after 7"),
        ([SUBSCRIBED, event(8), event(8)], "received 8 after 8"),
        ([SUBSCRIBED, event(8), event(9), event(8)], "received 8 after 9"),
        ([SUBSCRIBED, {"channel": "orders", "error": "resume is too old"}], "after 7: resume is too old"),
        (
            [SUBSCRIBED, {"channel": "orders", "sequence": 8, "error": "events are missing"}],
            "after 7: events are missing",
        ),
        ([SUBSCRIBED, {"order_id": "b", "status": "pending"}], "received {'order_id': 'b', 'status': 'pending'}"),
    ],
)
def test_what_is_missing_repeated_out_of_place_or_refused_is_a_problem(
    frames: list[dict[str, Any]], problem: str
) -> None:
    assert problem in feed_of(*frames).problems
