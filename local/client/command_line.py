"""What the command lines have in common that act as clients: the base URL, and the exit status after Ctrl-C."""

import argparse
from urllib.parse import urlsplit

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C or SIGTERM ended."""


def base_url_argument(url: str) -> str:
    """Return a command line's base URL without its last slash; raises argparse's error unless it is an HTTP URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"a base URL looks like http://127.0.0.1:3000, not {url!r}")
    return url.rstrip("/")
