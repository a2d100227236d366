"""The venue families, and the one place that opens them: the name in VENUE in, a venue out."""

import sys
from collections.abc import Callable
from pkgutil import resolve_name
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import msgspec

from orderflow.domain.venue import Venue
from orderflow.errors import ConfigurationError

if TYPE_CHECKING:
    import redis

    from orderflow.adapters.replication import Replication

Model = TypeVar("Model", bound=msgspec.Struct)

FAMILIES = {"mock": "orderflow.venues.mock:open_venue"}
"""The families of this package by name. Any other goes by the path of the function that opens it: `module:function`."""


class SettingsReader(Protocol):
    """Returns the settings of a model from the environment; raises ConfigurationError."""

    def __call__(self, model: type[Model]) -> Model: ...


class Resources(NamedTuple):
    """What a family may use of its process: its own settings, and Redis if it keeps something there."""

    read_settings: SettingsReader
    redis_client: "Callable[[], redis.Redis]"
    replication: "Callable[[], Replication]"


def open_venue(name: str, resources: Resources) -> Venue:
    """Return the venue family `name`. Raises ConfigurationError when there is none, and what the family raises."""
    return find_family(name)(resources)


def check_settings(name: str, read_settings: SettingsReader) -> None:
    """Raise ConfigurationError when there is no venue family `name`, or one of its settings can't be used.

    A family whose settings need more than their types has a function `check_settings` beside the one that opens it.
    """
    check = getattr(sys.modules[find_family(name).__module__], "check_settings", None)
    if check is not None:
        check(read_settings)


def find_family(name: str) -> Callable[[Resources], Venue]:
    """Return what opens the venue family `name`. Raises ConfigurationError when there is none."""
    try:
        return _resolve(FAMILIES.get(name, name))
    except (ImportError, AttributeError, ValueError) as error:
        families = ", ".join(FAMILIES)
        raise ConfigurationError(
            f"VENUE={name!r} can't be used: it must be {families}, or module:function that opens another ({error})"
        ) from error


def _resolve(path: str) -> Callable[[Resources], Venue]:
    open_family: Callable[[Resources], Venue] = resolve_name(path)
    if not callable(open_family):
        raise ValueError(f"{path} is no function")  # noqa: TRY004 - a wrong name in a setting, not a wrong type in code
    return open_family
