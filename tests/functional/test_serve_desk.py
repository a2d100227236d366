"""serve_desk through its Lambda handler: the page and its files, for anyone, kept as long as they may be."""

import base64
import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest

from functions.serve_desk.app import PAGE, desk_settings, page_files, security_policy
from functions.serve_desk.handler import lambda_handler
from orderflow.errors import ConfigurationError
from tests.support.builders import read_event
from tests.support.http_api import assert_problem, get

pytestmark = pytest.mark.usefixtures("_event_loop")

SOCKETS = "wss://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/live"


@pytest.fixture(autouse=True)
def _as_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read the settings and the files anew in each test, and after."""
    for name in ("AUTH", "SOCKET_URL"):
        monkeypatch.delenv(name, raising=False)
    for kept in (desk_settings, page_files, security_policy):
        kept.cache_clear()
    yield
    for kept in (desk_settings, page_files, security_policy):
        kept.cache_clear()


def ask(path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    """Return API Gateway's answer to a request that no authorizer has seen."""
    event = read_event("serve_desk.get_file")
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["headers"].pop("accept-encoding")
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return dict(lambda_handler(event, None))


def directives(answer: dict[str, Any]) -> dict[str, list[str]]:
    policy = answer["headers"]["content-security-policy"]
    return {name: values for name, *values in (directive.split() for directive in policy.split("; "))}


def file(name: str = "desk.js", version: str = "") -> str:
    return f"/desk/{version or page_files().version}/{name}"


def test_anyone_gets_the_page_which_names_files_of_its_version() -> None:
    answer = ask("/")

    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="(/desk/[^"]+)"', answer["body"])
    assert file("desk.js") in named
    assert {ask(path)["statusCode"] for path in named} == {200}
    assert "{" not in answer["body"]


def test_the_page_is_asked_for_each_time_and_sent_when_it_has_changed() -> None:
    first = ask("/")
    again = ask("/", if_none_match=f'"other", {first["headers"]["etag"]}')
    other = ask("/", if_none_match='W/"0123"')

    assert first["headers"]["cache-control"] == again["headers"]["cache-control"] == "no-cache"
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["etag"] == first["headers"]["etag"]
    assert other["statusCode"] == 200


def test_the_page_runs_nothing_but_its_own_files_and_reaches_nothing_but_its_own_host() -> None:
    policy = directives(ask("/"))

    assert policy == {
        **{key: ["'none'"] for key in ("default-src", "base-uri", "form-action", "frame-ancestors")},
        **{key: ["'self'"] for key in ("script-src", "style-src", "font-src", "connect-src")},
        "img-src": ["'self'", "data:"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }


@pytest.mark.parametrize("path", ["/", "desk.js", "icon.svg"])
def test_every_answer_says_what_browsers_may_do_with_it(path: str) -> None:
    headers = ask(path if path == "/" else file(path))["headers"]

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("socket_url", "reached"),
    [
        ("", ["'self'"]),
        ("/live", ["'self'"]),
        (SOCKETS, ["'self'", SOCKETS.removesuffix("/live")]),
    ],
)
def test_the_page_may_open_its_socket_where_it_is(
    monkeypatch: pytest.MonkeyPatch, socket_url: str, reached: list[str]
) -> None:
    monkeypatch.setenv("SOCKET_URL", socket_url)

    answer = ask("/")

    assert directives(answer)["connect-src"] == reached
    assert f'name="orderflow-socket" content="{socket_url}"' in answer["body"]


@pytest.mark.parametrize("socket_url", ["//elsewhere.example", "https://elsewhere.example", "wss://a b; script-src *"])
def test_a_socket_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, socket_url: str) -> None:
    monkeypatch.setenv("SOCKET_URL", socket_url)

    with pytest.raises(ConfigurationError, match="SOCKET_URL"):
        desk_settings()


@pytest.mark.parametrize(("auth", "said"), [("", "keys"), ("keys", "keys"), ("open", "open")])
def test_the_page_asks_for_a_key_unless_it_is_said_that_none_is_needed(
    monkeypatch: pytest.MonkeyPatch, auth: str, said: str
) -> None:
    monkeypatch.setenv("AUTH", auth)

    assert f'name="orderflow-auth" content="{said}"' in ask("/")["body"]


def test_a_file_of_the_page_s_version_is_kept_for_good_and_of_another_never() -> None:
    kept, older = ask(file()), ask(file(version="0123456789ab"))

    assert kept["headers"]["cache-control"] == "public, max-age=31536000, immutable"
    assert older["headers"]["cache-control"] == "no-cache"
    assert kept["body"] == older["body"] == (PAGE / "desk.js").read_text(encoding="utf-8")
    assert kept["headers"]["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip, deflate, br", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("gzip;q=1.0,identity", True),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, br", False),
        ("gzipped", False),
        ("", False),
    ],
)
def test_a_file_is_compressed_for_those_who_take_it(accepted: str, compressed: bool) -> None:
    answer, plain = ask(file(), accept_encoding=accepted), ask(file())

    body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    assert answer["headers"].get("content-encoding") == ("gzip" if compressed else None)
    assert answer["headers"]["content-length"] == str(len(body))
    assert (gzip.decompress(body) if compressed else body).decode() == plain["body"]
    assert answer["headers"]["etag"] == plain["headers"]["etag"]


@pytest.mark.parametrize("path", ["/", "file"])
def test_a_look_at_a_file_has_all_of_its_answer_but_the_file(path: str) -> None:
    path = file() if path == "file" else path
    looked, got = ask(path, "HEAD"), ask(path)

    assert looked["headers"] == got["headers"]
    assert (looked["statusCode"], looked["body"]) == (200, "")


@pytest.mark.parametrize(
    "name", ["index.html", "app.py", "../app.py", "..%2fapp.py", "..", "", "%00", "DESK.JS", "desk.js/", "page"]
)
def test_there_is_no_other_file(name: str) -> None:
    assert_problem(get(f"/desk/0123456789ab/{name}"), 404)


def test_the_largest_file_fits_an_answer_of_lambda() -> None:
    assert max(len(each.body) for each in page_files().files.values()) * 4 / 3 < 6 * 1024 * 1024
