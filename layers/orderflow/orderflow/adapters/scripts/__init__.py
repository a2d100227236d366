"""Lua scripts that do several steps in Redis as one: a script's name in, its text out.

Each script is a file. Its line `-- requires: deliver, trim` names the scripts whose functions it calls.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_REQUIRES = re.compile(r"^-- requires: (.+)$", re.MULTILINE)


@cache
def source(name: str, package: str = __name__) -> str:
    """Return the text of script `name` in `package`, behind the text of all that it requires, each once.

    A required script lies in the same package or in this one. Raises FileNotFoundError when one is missing.
    """
    return "\n".join(dict.fromkeys(_with_required(name, package)))


def _with_required(name: str, package: str) -> Iterator[str]:
    text = _read(name, package)
    for line in _REQUIRES.findall(text):
        for required in line.split(","):
            yield from _with_required(required.strip(), package)
    yield text


def _read(name: str, package: str) -> str:
    file = files(package) / f"{name}.lua"
    if not file.is_file() and package != __name__:
        file = files(__name__) / f"{name}.lua"
    return file.read_text(encoding="utf-8")
