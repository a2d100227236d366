"""Reads where every order stands while a run comes to rest."""

from typing import NamedTuple

from tests.harness.chaos.history.contents import ledger_connection


class Standing(NamedTuple):
    """The status of an order, and whose it is."""

    status: str
    account: str


def read_standings(database_url: str) -> dict[str, Standing]:
    """Read where every order of the ledger stands, by its id."""
    with ledger_connection(database_url) as connection:
        rows = connection.run("SELECT order_id::text, status, account FROM orders")
    return {str(order_id): Standing(str(status), str(account)) for order_id, status, account in rows or ()}
