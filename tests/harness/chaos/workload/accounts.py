"""The accounts in which the clients of a run trade, each with a key of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from local.client.api import Client
from orderflow.domain.access import LOCAL_ACCOUNT
from tests.harness.own_system import ACCOUNT, AMPLE, OwnSystem

TRADERS = ("alpha", "beta", "gamma")


@dataclass(frozen=True, slots=True)
class Accounts:
    """The key of each account; None stands for what the environment of this process has.

    `home` is the account of the clients that measure and overload, which is also that of all where there is no other.
    """

    keys: Mapping[str, str | None]
    home: str

    @property
    def traders(self) -> Sequence[str]:
        """The accounts of the clients that place the load."""
        return [account for account in self.keys if account != self.home] or [self.home]

    def client(self, url: str, account: str) -> Client:
        """Return a client of an account."""
        return Client(url, key=self.keys[account])

    @asynccontextmanager
    async def clients(self, url: str) -> AsyncIterator[Mapping[str, Client]]:
        """Lend a client of each account."""
        async with AsyncExitStack() as stack:
            yield {account: await stack.enter_async_context(self.client(url, account)) for account in self.keys}


OPEN = Accounts({LOCAL_ACCOUNT: None}, LOCAL_ACCOUNT)
"""The only account of a system that asks for no keys."""


def make_accounts(system: OwnSystem) -> Accounts:
    """Return accounts with keys of a running system, which has lent this process one already."""
    return Accounts({ACCOUNT: None} | {name: system.add_key(*AMPLE, f"--account={name}") for name in TRADERS}, ACCOUNT)
