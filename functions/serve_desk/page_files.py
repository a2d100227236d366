"""The desk's files as they are sent: a folder and what its page is to know in, bodies with their types and tags out.

They are read once, so a request can name nothing but what was there then.
"""

import gzip
import hashlib
import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orderflow.errors import ConfigurationError

INDEX = "index.html"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""By a name's end. The mimetypes of the standard library are those of the machine, which may say otherwise."""
_NAME = re.compile(r"[a-z0-9_.-]+")
_VERSION_DIGITS = 12


class PageFile(NamedTuple):
    """A file as it is sent: `compressed` by gzip to those who take it, where that is shorter; `tag` is its ETag."""

    media_type: str
    body: bytes
    compressed: bytes | None
    tag: str


class PageFiles(NamedTuple):
    """The page, its version, and the files below that by their names."""

    version: str
    page: PageFile
    files: Mapping[str, PageFile]


def read_page_files(folder: Path, known: Mapping[str, str]) -> PageFiles:
    """Return the files in `folder`, its index.html with `{version}`, and each name in `known`, filled in.

    The version is the first 12 hexadecimal digits of a SHA-256 over all of them, as they lie there. Raises
    ConfigurationError for a file that has no place in an address, or no type that is known.
    """
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    whole = hashlib.sha256()
    for name, body in found.items():
        if not _NAME.fullmatch(name) or Path(name).suffix not in MEDIA_TYPES:
            raise ConfigurationError(f"{folder / name} can't be served: no name, or no type, of a file of the page")
        whole.update(f"{name} {len(body)}\n".encode())
        whole.update(body)
    version = whole.hexdigest()[:_VERSION_DIGITS]
    index = _filled_in(found.pop(INDEX), {**known, "version": version})
    return PageFiles(version, _file(INDEX, index), {name: _file(name, body) for name, body in found.items()})


def _filled_in(body: bytes, known: Mapping[str, str]) -> bytes:
    text = body.decode()
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", html.escape(value))
    return text.encode()


def _file(name: str, body: bytes) -> PageFile:
    compressed = gzip.compress(body, mtime=0)
    # Weak, for it is the same whether compressed or not (RFC 9110, section 8.8.3.3).
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    media_type = MEDIA_TYPES[Path(name).suffix]
    return PageFile(media_type, body, compressed if len(compressed) < len(body) else None, tag)
