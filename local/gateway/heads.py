"""Reads request heads: which are refused, which path and query they name, and whether they ask for a WebSocket."""

from http import HTTPStatus
from urllib.parse import unquote

import httptools

from orderflow.errors import OrderflowError

MAX_HEAD_BYTES = 64 * 1024
"""Of a request line and its headers; of the trailers and chunk extensions of a body as well."""
MAX_HEADERS = 1_000
MAX_TARGET_BYTES = 8 * 1024 - 16
"""Of a request's target: with method and version it is a line of at most the WebSocket library's 8 KiB."""
MAX_HANDSHAKE_LINE_BYTES = 8 * 1024
MAX_HANDSHAKE_HEADERS = 128
"""The WebSocket library reads no longer header lines and no more headers."""

Headers = list[tuple[bytes, bytes]]


class RefusedError(OrderflowError):
    """A request is not served: it is answered with `status`, and its connection is closed."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def too_large_head() -> RefusedError:
    """Return the refusal of a head, or of trailers and chunk extensions, of too many bytes."""
    detail = f"the headers must be at most {MAX_HEAD_BYTES} bytes"
    return RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)


def values_of(headers: Headers, name: bytes) -> list[bytes]:
    """Return the values of all headers with a name; both are in lower case."""
    return [value for known, value in headers if known == name]


def tokens_of(headers: Headers, name: bytes) -> set[bytes]:
    """Return the elements, in lower case, of the comma-separated headers of a name."""
    return {token.strip().lower() for value in values_of(headers, name) for token in value.split(b",")}


def length_of_body(version: str, headers: Headers) -> int | None:
    """Return how many bytes of body were announced, None when the body comes in chunks.

    The parser has refused lengths that contradict each other. Raises RefusedError for headers that other
    programs read in another way.
    """
    if version not in ("1.0", "1.1"):
        raise RefusedError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "the version must be HTTP/1.1")
    encodings = [value.strip().lower() for value in values_of(headers, b"transfer-encoding")]
    if not encodings:
        return int(next(iter(values_of(headers, b"content-length")), b"0"))
    if version == "1.0":
        raise RefusedError(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding")
    if encodings != [b"chunked"]:
        ends = encodings[-1].rpartition(b",")[2].strip() == b"chunked"
        status = HTTPStatus.NOT_IMPLEMENTED if ends else HTTPStatus.BAD_REQUEST
        raise RefusedError(status, "the only Transfer-Encoding is chunked")
    return None


def follow_target(url: bytes, headers: Headers) -> tuple[str, bytes, bytes]:
    """Return the path, decoded and as sent, and the query of a request's target.

    A target that names a host, as for a proxy, replaces the Host header (RFC 9112, section 3.2.2). Raises RefusedError
    for a target that is neither a path nor such a URL.
    """
    try:
        target = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the request's target is not a path") from error
    if b"#" in url:
        # The parser drops it; a proxy in front of this server may have read it as a part of the path or the query.
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the request's target has no fragment: # is written as %23")
    if target.schema is not None:
        scheme, _, rest = url.partition(b"://")
        authority = rest.partition(b"/")[0].partition(b"?")[0]
        if scheme.lower() not in (b"http", b"https", b"ws", b"wss") or target.userinfo is not None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the request's target is not a path")
        headers[:] = [(name, authority if name == b"host" else value) for name, value in headers]
    raw_path = target.path or b"/"
    path = raw_path.decode("ascii")
    return unquote(path) if "%" in path else path, raw_path, target.query or b""


def asks_for_websocket(method: bytes, version: str, headers: Headers) -> bool:
    """Return whether a request asks for a WebSocket; every other Upgrade is ignored (RFC 9110, section 7.8)."""
    return (
        method == b"GET"
        and version == "1.1"
        and b"upgrade" in tokens_of(headers, b"connection")
        and b"websocket" in tokens_of(headers, b"upgrade")
    )


def check_handshake(headers: Headers) -> None:
    """Raise RefusedError for a handshake that the WebSocket library would not read to its end."""
    if values_of(headers, b"transfer-encoding") or any(
        value != b"0" for value in values_of(headers, b"content-length")
    ):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "a WebSocket's handshake has no body")
    if len(headers) > MAX_HANDSHAKE_HEADERS:
        detail = f"a WebSocket's handshake has at most {MAX_HANDSHAKE_HEADERS} headers"
        raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
    if any(len(name) + len(value) + len(b": \r\n") > MAX_HANDSHAKE_LINE_BYTES for name, value in headers):
        detail = f"a header of a WebSocket's handshake has at most {MAX_HANDSHAKE_LINE_BYTES} bytes"
        raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)


def handshake(target: bytes, headers: Headers) -> bytes:
    """Return the head of a WebSocket's handshake in the only form that the library reads."""
    left_out = (b"connection", b"upgrade", b"content-length")
    rest = [header for header in headers if header[0] not in left_out]
    return write_head(b"GET", target, "1.1", [*rest, (b"connection", b"Upgrade"), (b"upgrade", b"websocket")])


def without_upgrade(method: bytes, url: bytes, version: str, headers: Headers) -> bytes:
    """Return the head of a request without its Upgrade headers."""
    return write_head(method, url, version, [header for header in headers if header[0] != b"upgrade"])


def write_head(method: bytes, target: bytes, version: str, headers: Headers) -> bytes:
    """Return a request head as bytes."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode()), *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join([*lines, b"", b""])
