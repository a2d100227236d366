"""Names the mock chain's keys: all of them share one hash tag, so one script can change them together."""

from orderflow.adapters.keys import key

SCRIPTS = "orderflow.venues.mock.scripts"
CHAIN = "chain"
"""The chain's own partition."""
TRANSACTIONS = "transactions"
"""Its stream of transactions that have arrived; produce_block reads it."""


def chain_key(name: str) -> str:
    """Return the key of `name` on the chain, such as `{chain}:pools`."""
    return key(CHAIN, name)


def result_key(signature: str) -> str:
    """Return the key of what became of a transaction."""
    return key(CHAIN, f"tx:{signature}")
