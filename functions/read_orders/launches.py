"""Launches, listed: a filter in the query in, a page of what is announced, trades or has closed out."""

from itertools import islice
from typing import Annotated, get_args

import msgspec
from fastapi import APIRouter, Query, Request, Response

from orderflow.domain.launches import LaunchStatus, ListedLaunch, listed
from orderflow.runtime import async_clients, clients
from orderflow.runtime.http.callers import caller
from orderflow.runtime.http.documentation import answer
from orderflow.runtime.http.problems import invalid
from orderflow.runtime.http.query import KNOWN_QUERY, read_limit
from orderflow.runtime.http.responses import json_response

MOST_LISTED = 200
MOST_PAST = 1_000
"""Launches that closed before so many later ones are not listed any more."""
STATUSES: tuple[LaunchStatus, ...] = get_args(LaunchStatus)

router = APIRouter()


class LaunchPage(msgspec.Struct, frozen=True):
    """Launches as they are at a slot, the latest first, and the cursor of the page after this one."""

    slot: int
    launches: list[ListedLaunch]
    next_cursor: str | None


EXAMPLE = {
    "slot": 231,
    "launches": [
        {
            "token": {"symbol": "MOON200", "mint": "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin", "decimals": 9},
            "quote": "USDC",
            "venue": "raydium",
            "pool": "raydium_cpmm:MOON200-USDC",
            "liquidity": "20000000000",
            "mint_renounced": True,
            "freezable": False,
            "lp_burned": False,
            "top10_bps": 2500,
            "announced_slot": 200,
            "open_slot": 230,
            "close_slot": 9230,
            "status": "open",
        }
    ],
    "next_cursor": None,
}


@router.get(
    "/api/launches",
    dependencies=KNOWN_QUERY,
    responses={
        200: answer(LaunchPage, "a page of launches", example=EXAMPLE),
        400: {"description": "a filter that can't be used; `errors` names it and its rule"},
    },
)
async def list_launches(
    request: Request,
    status: Annotated[str | None, Query(description=f"one of {', '.join(STATUSES)}")] = None,
    limit: str = "50",
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
) -> Response:
    """List tokens that are about to trade, that trade, and that did, the latest announced first.

    `liquidity` is in atoms of the quote token. Of those that have closed, no more than the latest 1,000 are listed.
    """
    if status is not None and status not in STATUSES:
        raise invalid("status", f"must be one of {', '.join(STATUSES)}")
    most = read_limit(limit, MOST_LISTED)
    before = None if cursor is None else _read_cursor(cursor)
    return json_response(
        await async_clients.lookups().run(_page, status, most, before, account=caller(request).account)
    )


def _page(status: str | None, most: int, before: int | None) -> LaunchPage:
    """Return the latest launches of a status, or of any, announced before a slot."""
    venue = clients.venue()
    slot, past = venue.slot(), most + 1 if status in (None, "past") else 0
    while True:
        known = venue.launches(past=past)
        wanted = (listed(launch, slot) for launch in known if before is None or launch.announced_slot < before)
        found = list(islice((each for each in wanted if status in (None, each.status)), most + 1))
        # How many of the past ones are on the pages before this one is not known: it is looked for further and further.
        if len(found) > most or not past or past == MOST_PAST or len(known) < past:
            break
        past = min(past * 4, MOST_PAST)
    page = found[:most]
    return LaunchPage(slot, page, str(page[-1].announced_slot) if len(found) > most else None)


def _read_cursor(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise invalid("cursor", "must be the next_cursor of a page")
    return int(cursor)
