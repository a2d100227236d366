"""The Lua that makes many steps one: each script is a file here, with the shared functions that it calls before it."""

from functools import cache
from importlib.resources import files


@cache
def source(name: str, *shared: str) -> str:
    """Return the text of script `name` behind the text of the `shared` ones that define its functions."""
    return "\n".join(files(__name__).joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in (*shared, name))
