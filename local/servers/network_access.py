"""How this machine's servers are reached over TCP: by its own programs and, on the docker bridge, by containers."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from local.servers.application_role import APPLICATION_ROLE, set_up_application_role

LOOPBACK = "127.0.0.1"
BRIDGE = "docker0"


def addresses_for_containers() -> tuple[str, ...]:
    """Return the addresses of this machine at which containers find it as `host-gateway`, and the loopback's.

    With Docker Desktop there is no bridge on this side; it leads containers to the loopback.
    """
    found = psutil.net_if_addrs().get(BRIDGE, [])
    return LOOPBACK, *(address.address for address in found if address.family == socket.AF_INET)


@dataclass(frozen=True, slots=True)
class NetworkAccess:
    """At which addresses and port a server listens, and the password that it asks for: other users reach a port too."""

    addresses: tuple[str, ...]
    port: int
    password: str

    def redis_options(self, home: Path) -> tuple[str, ...]:
        """Return the options of valkey-server or redis-server; the first is a file in `home` that has the password.

        The password is in no option: every user of the machine may read the command line of a process.
        """
        config = home / "redis.conf"
        with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(f"requirepass {self.password}\n")
        config.chmod(0o600)
        return (str(config), "--port", str(self.port), "--bind", *self.addresses)

    @property
    def redis_url(self) -> str:
        """Where programs of this machine reach that Redis."""
        return f"redis://:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}"

    @property
    def postgres_options(self) -> tuple[str, ...]:
        """The options of postgres."""
        return ("-c", f"port={self.port}", "-c", f"listen_addresses={','.join(self.addresses)}")

    def set_password(self, url: str) -> None:
        """Set the password in the Postgres at `url`. Raises as pg8000 does, such as when it is not up yet."""
        set_up_application_role(url, self.password)

    @property
    def postgres_url(self) -> str:
        """Where programs of this machine reach that Postgres."""
        return f"postgresql://{APPLICATION_ROLE}:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/orderflow"
