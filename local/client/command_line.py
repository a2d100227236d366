"""What the command lines have in common: commands imported when named, the base URL, the status after Ctrl-C."""

import argparse
from collections.abc import Mapping, Sequence
from importlib import import_module
from urllib.parse import urlsplit

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C or SIGTERM ended."""


def add_commands(
    parsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    commands: Mapping[str, tuple[str, str]],
    words: Sequence[str],
) -> None:
    """Add commands to a parser, each a module and its help; only the first that `words` name declares its options.

    The others are not imported: none should wait for the imports of another.
    """
    named = next((word for word in words if word in commands), None)
    for name, (module, text) in commands.items():
        command = parsers.add_parser(name, help=text)
        if name == named:
            import_module(module).add_arguments(command)


def base_url_argument(url: str) -> str:
    """Return a command line's base URL without its last slash; raises argparse's error unless it is an HTTP URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"a base URL looks like http://127.0.0.1:3000, not {url!r}")
    return url.rstrip("/")
