"""Fakes stand for adapters as they are: a method that an adapter has lost is gone from its fake as well."""

from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers, isclass, isfunction
from pathlib import Path

import pytest

from tests.support.fakes.outage import Outage

FOLDER = Path(__file__).parents[1] / "support" / "fakes"


def fakes() -> Iterator[tuple[type, type]]:
    """Yield each fake of an adapter with what it stands for."""
    for path in sorted(FOLDER.glob("*.py")):
        name = f"tests.support.fakes.{path.stem}"
        for _, found in getmembers(import_module(name), isclass):
            if found.__module__ == name and issubclass(found, Outage):
                yield from ((found, real) for real in found.__bases__ if real not in (Outage, object))


@pytest.mark.parametrize(("fake", "real"), [*fakes()], ids=lambda cls: cls.__name__)
def test_each_method_of_a_fake_is_one_of_the_adapter(fake: type, real: type) -> None:
    methods = {name for name, _ in getmembers(fake, isfunction) if name in vars(fake) and not name.startswith("_")}

    assert methods
    assert methods - set(dir(real)) == set()
