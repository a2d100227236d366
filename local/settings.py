"""The settings of a run on this machine, from environment variables."""

import os
import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from orderflow.errors import ConfigurationError
from orderflow.runtime.settings import IntakeSettings, read_settings

ROOT = Path(__file__).resolve().parent.parent


Auth = Literal["open", "keys"]

CONNECTIONS_PORT = 3003
"""Where functions in containers find the management API; functions of this machine are given any free port."""


def interpreter() -> str:
    """Return the command that starts this interpreter from the repository's root, such as .venv/bin/python."""
    with suppress(ValueError):
        return str(Path(sys.executable).relative_to(ROOT))
    return sys.executable


def home_at(named: str | None) -> Path:
    """Return the directory that ORDERFLOW_HOME names, or the one beside the code when it names none.

    `~` and `~user` stand for a home directory. Raises ConfigurationError when there is no such user.
    """
    if not named:
        return ROOT / ".orderflow"
    try:
        # No shell expands a ~ in quotation marks or on make's line.
        return Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigurationError(f"ORDERFLOW_HOME={named} can't be used: {error}") from error


class LocalSettings(IntakeSettings, frozen=True, kw_only=True):
    """What `python -m local` reads; an empty URL means an embedded server.

    `max_connections` 0 is room for all sockets and twice the requests, `max_connections_per_address` 0 nine tenths of
    that. The allowed hosts and origins are added to the gateway's own, separated by commas; `*` is any.

    With a `clock` that is `manual` the market's slots pass by orders and POST /api/market/advance alone; the file
    `market_script` sets fair prices at slots. Both need the functions here.

    `invoke` says where the functions run: `here`, in the pollers, or in the Lambda at `lambda_endpoint`. The two ports
    are those of `services`. The gateway's management API asks for `connections_secret`; the runner makes one if it is
    empty, and chooses where that API listens itself: `connections_host` is for a gateway in a container.
    """

    redis_url: str = ""
    database_url: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 3000
    venue: str = "mock"
    speed: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    seed: int = 1
    drop_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    network_failure_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    clock: Literal["auto", "manual"] = "auto"
    market_script: str = ""
    launch_every_slots: Annotated[int, msgspec.Meta(ge=0)] = 0
    partitions: Annotated[int, msgspec.Meta(ge=1, le=256)] = 2
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    orderflow_home: str = ""
    max_requests: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    max_sockets: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    max_connections: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_connections_per_address: Annotated[int, msgspec.Meta(ge=0)] = 0
    auth: Literal["", "open", "keys"] = ""  # see auth_of
    allowed_hosts: str = ""
    allowed_origins: str = ""
    docs: bool = True
    max_quotes: Annotated[int, msgspec.Meta(ge=1)] = 20
    max_reads: Annotated[int, msgspec.Meta(ge=1)] = 100
    max_changes: Annotated[int, msgspec.Meta(ge=1)] = 100
    max_watchers: Annotated[int, msgspec.Meta(ge=1)] = 100
    trace_orders: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    invoke: Literal["here", "lambda"] = "here"
    lambda_endpoint: Annotated[str, msgspec.Meta(pattern="^https?://.")] = "http://127.0.0.1:3001"
    redis_maxmemory: Annotated[str, msgspec.Meta(pattern="^[0-9]+([kmg]b?)?$")] = (
        "1gb"  # of the embedded Redis; 0: none
    )
    redis_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 6379
    postgres_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 5432
    connections_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0  # 0: see CONNECTIONS_PORT
    connections_host: str = "127.0.0.1"
    connections_secret: str = ""
    # Read by orderflow.runtime.logging; here so that another word is refused before anything starts.
    log_level: Annotated[str, msgspec.Meta(pattern="^(?i:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|NOTSET)$")] = (
        "INFO"
    )
    log_format: Literal["", "text", "json"] = ""
    health_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0  # of a poller in a container; 0 is none
    started_by: str = "make run"  # in each answer's Server header: several ways to run it may use the same port
    # For tests: another URL of Redis for each poller, `{name}` being the poller's; and `module:function`, which makes
    # an Invoke of the poller's name, the handlers and their time-outs.
    poller_redis_url: str = ""
    invoker: str = ""

    @property
    def home(self) -> Path:
        """Where the state is kept: ORDERFLOW_HOME, by default `.orderflow` beside the code."""
        return home_at(self.orderflow_home)

    @property
    def url(self) -> str:
        """Where clients of this machine reach the gateway."""
        return f"http://{url_host(self.host)}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections the gateway may have at once."""
        return self.max_connections or self.max_sockets + 2 * self.max_requests


def url_host(host: str) -> str:
    """Return a HOST as it stands in the URLs of this machine's clients."""
    name = host.strip("[]")
    try:
        address = ip_address(name)
    except ValueError:
        return name
    if address.is_unspecified:
        return "127.0.0.1"  # with IPv6 both are listened to
    return f"[{name}]" if address.version == 6 else name


def is_loopback(host: str) -> bool:
    """Return whether a HOST is reached from this machine alone."""
    name = host.strip("[]")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost"


def auth_of(settings: LocalSettings) -> Auth:
    """Return whom the gateway lets in: with `keys` those who have an API key, with `open` everyone.

    Without AUTH a gateway that only this machine reaches is open. Raises ConfigurationError for any other: AUTH has to
    say it.
    """
    if settings.auth:
        return settings.auth
    if is_loopback(settings.host):
        return "open"
    raise ConfigurationError(
        f"HOST={settings.host} can be reached from other machines, so AUTH has to say who may trade there:\n"
        f"  AUTH=keys   only those with an API key ({interpreter()} -m local keys add)\n"
        "  AUTH=open   everyone who reaches it"
    )


def names_in(setting: str) -> list[str]:
    """Return the elements of a list that is separated by commas."""
    return [name.strip() for name in setting.split(",") if name.strip()]


def read_local_settings(**arguments: str | None) -> LocalSettings:
    """Return the settings of this process's environment; `arguments` that are given go before it.

    Raises ConfigurationError.
    """
    given = {name.upper(): text for name, text in arguments.items() if text}
    settings = read_settings(LocalSettings, os.environ | given)
    if settings.invoke == "lambda":
        for name, value in (("CLOCK", settings.clock), ("MARKET_SCRIPT", settings.market_script)):
            if value not in ("auto", ""):
                raise ConfigurationError(f"{name}={value!r} can't be used: with INVOKE=lambda the market is not here")
    return settings
