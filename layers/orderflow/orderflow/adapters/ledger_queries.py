"""Which orders of the ledger to list: a filter in, the statement that finds them soonest and its values out.

Only conditions of our own are put into the text; every value is a parameter.
"""

from typing import Any, NamedTuple

import msgspec

from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.lifecycle import COURSE, TERMINAL
from orderflow.domain.order import MARKET

ORDER_COLUMNS = """order_id::text, sequence, status, order_type, token_in, token_out, amount_in, slippage_bps,
    route::text, amount_out, execution_price, tx_hash, reason, created_at, updated_at, client_order_id, terms::text,
    parent_id::text, slice, child_id::text, minimum_out, expires_at, fired::text, attempts, amount_filled,
    slots_from_open, account"""

_NEWEST_FIRST = "ORDER BY orders.created_at DESC, orders.order_id DESC LIMIT :limit"
_NEWEST = f"SELECT {ORDER_COLUMNS} FROM orders WHERE {{conditions}} {_NEWEST_FIRST}"  # noqa: S608 - see above

# Only the order of nulls, of which there are none, shows the planner that no index of all orders will do. It would
# rather walk through one, and through all of it where there are fewer than a page: decision 0054.
_BY_OWN_INDEX = "ORDER BY orders.created_at DESC NULLS LAST, orders.order_id DESC NULLS LAST LIMIT :limit"
_NEWEST_OF_FEW = f"SELECT {ORDER_COLUMNS} FROM orders WHERE {{conditions}} {_BY_OWN_INDEX}"  # noqa: S608 - see above

_OF_ALL_PARTS = "ORDER BY created_at DESC, CAST(order_id AS uuid) DESC LIMIT :limit"
# The tokens against which one is traded, or was: the index is asked for the next one after each, since no list has
# those that were launched. An order that waits for a launch is against none, '' in the ledger.
_BOUGHT = """known(token) AS (
        (SELECT token_out FROM orders WHERE token_in = :token_in ORDER BY token_out LIMIT 1)
        UNION ALL SELECT (
            SELECT token_out FROM orders WHERE token_in = :token_in AND token_out > known.token
            ORDER BY token_out LIMIT 1
        ) FROM known WHERE token IS NOT NULL
    ),
    pair(i, o) AS (SELECT :token_in, token FROM known WHERE token IS NOT NULL)"""
_SOLD = """known(token) AS (
        (SELECT token_in FROM orders ORDER BY token_in LIMIT 1)
        UNION ALL SELECT (
            SELECT token_in FROM orders WHERE token_in > known.token ORDER BY token_in LIMIT 1
        ) FROM known WHERE token IS NOT NULL
    ),
    pair(i, o) AS (SELECT token, :token_out FROM known WHERE token IS NOT NULL)"""
_BOTH = "pair(i, o) AS (SELECT :token_in, :token_out)"
# The newest of each pair through its part of the index, and of these the newest: however rare a token is, no more is
# read than the page for each pair.
_BY_PAIRS = f"""WITH RECURSIVE {{pairs}} SELECT of_pair.* FROM pair
    CROSS JOIN LATERAL (
        SELECT {ORDER_COLUMNS} FROM orders WHERE token_in = pair.i AND token_out = pair.o AND {{conditions}}
        {_BY_OWN_INDEX}
    ) AS of_pair
    {_OF_ALL_PARTS}"""  # noqa: S608 - see above

# The condition of a partial index has to stand in the text.
_WAITS = f"order_type <> '{MARKET}'"
_NOT_ENDED = f"orders.status NOT IN {tuple(sorted(status.value for status in TERMINAL))}"
# Those that wait are in an index of their own. Beside them are the market orders that are on their way at the moment,
# found by each status that they may have then.
_OPEN = f"""SELECT * FROM (
        (SELECT {ORDER_COLUMNS} FROM orders WHERE {_WAITS} AND {_NOT_ENDED} AND {{conditions}} {_BY_OWN_INDEX})
        UNION ALL
        SELECT of_status.* FROM unnest(CAST(:under_way AS text[])) AS under_way(status) CROSS JOIN LATERAL (
            SELECT {ORDER_COLUMNS} FROM orders
            WHERE orders.status = under_way.status AND order_type = '{MARKET}' AND {{conditions}} {_NEWEST_FIRST}
        ) AS of_status
    ) AS not_ended
    {_OF_ALL_PARTS}"""  # noqa: S608 - see above
# Other accounts than `local` have indexes of their own, whose condition has to stand in the text too.
_OF_ANOTHER = f"orders.account <> '{LOCAL_ACCOUNT}'"
_UNDER_WAY = [status.value for status in COURSE if status not in TERMINAL]


class OrderFilter(msgspec.Struct, frozen=True):
    """Which orders of an account to list: equal to each value given, created before `before`, newest first.

    `before` is a time and an id. With `open` only those that have not ended.
    """

    limit: int
    account: str
    status: str | None = None
    token_in: str | None = None
    token_out: str | None = None
    client_order_id: str | None = None
    before: tuple[str, str] | None = None
    order_type: str | None = None
    parent_id: str | None = None
    open: bool = False


class Query(NamedTuple):
    """A statement, and its values by name."""

    statement: str
    values: dict[str, Any]


def query_for(wanted: OrderFilter) -> Query:
    """Return the statement that finds the newest orders which a filter admits."""
    values: dict[str, Any] = {"limit": wanted.limit}
    equal = ["account", "status", "order_type", "token_in", "token_out", "client_order_id"]
    conditions = []
    if wanted.account != LOCAL_ACCOUNT:
        statement = _NEWEST if wanted.client_order_id is not None else _NEWEST_OF_FEW
        conditions += [_OF_ANOTHER, *([_NOT_ENDED] if wanted.open else [])]
    elif wanted.open:
        statement, values["under_way"] = _OPEN, _UNDER_WAY
    elif wanted.parent_id is not None:
        statement = _NEWEST_OF_FEW
    elif wanted.client_order_id is not None:
        statement = _NEWEST
    elif wanted.order_type not in (None, MARKET):
        statement = _NEWEST_OF_FEW
        conditions.append(_WAITS)
    elif wanted.token_in or wanted.token_out:
        statement = _BY_PAIRS
        values |= {name: value for name in ("token_in", "token_out") if (value := getattr(wanted, name)) is not None}
        equal = [column for column in equal if not column.startswith("token")]
    else:
        statement = _NEWEST
    for column in equal:
        if (value := getattr(wanted, column)) is not None:
            conditions.append(f"orders.{column} = :{column}")
            values[column] = value
    if wanted.parent_id is not None:
        conditions.append("parent_id = CAST(:parent_id AS uuid)")
        values["parent_id"] = wanted.parent_id
    if wanted.before is not None:
        moment = "(CAST(:created_at AS timestamptz), CAST(:order_id AS uuid))"
        conditions.append(f"(orders.created_at, orders.order_id) < {moment}")
        values["created_at"], values["order_id"] = wanted.before
    pairs = _BOTH if wanted.token_in and wanted.token_out else _BOUGHT if wanted.token_in else _SOLD
    return Query(statement.format(conditions=" AND ".join(conditions or ["TRUE"]), pairs=pairs), values)
