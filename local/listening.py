"""Where this machine's servers are reached over TCP: by its own programs and, on the docker bridge, by containers."""

import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
from pg8000.native import literal

from orderflow.adapters.postgres import connect

LOOPBACK = "127.0.0.1"
BRIDGE = "docker0"


def addresses_for_containers() -> tuple[str, ...]:
    """Return the addresses of this machine at which containers find it as `host-gateway`, and the loopback's.

    With Docker Desktop there is no bridge on this side; it leads containers to the loopback.
    """
    found = psutil.net_if_addrs().get(BRIDGE, [])
    return LOOPBACK, *(address.address for address in found if address.family == socket.AF_INET)


@dataclass(frozen=True, slots=True)
class Listening:
    """How a server listens: at which addresses and port, and the password it asks for since others get there too."""

    addresses: tuple[str, ...]
    port: int
    password: str

    @property
    def redis_options(self) -> tuple[str, ...]:
        """The options of valkey-server or redis-server."""
        return ("--port", str(self.port), "--bind", *self.addresses, "--requirepass", self.password)

    @property
    def redis_url(self) -> str:
        """Where programs of this machine reach that Redis."""
        return f"redis://:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}"

    def postgres_options(self, home: Path) -> tuple[str, ...]:
        """The options of postgres, and the file in `home` that says who may connect how."""
        rules = home / "pg_hba.conf"
        rules.write_text("local all all trust\nhost all all all scram-sha-256\n", encoding="ascii")
        addresses = ",".join(self.addresses)
        return ("-c", f"port={self.port}", "-c", f"listen_addresses={addresses}", "-c", f"hba_file={rules}")

    def admit(self, url: str) -> None:
        """Have the Postgres at `url` know the password. Raises as pg8000 does, such as when it is not up yet."""
        with closing(connect(url)) as connection:
            # A statement of this kind takes no parameters.
            connection.run(f"ALTER ROLE orderflow PASSWORD {literal(self.password)}")

    @property
    def postgres_url(self) -> str:
        """Where programs of this machine reach that Postgres."""
        return f"postgresql://orderflow:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/orderflow"
