"""authorize_request behind CloudFront: only what came through it is looked at, as coming from the viewer's address."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws

from functions.authorize_request import handler
from functions.authorize_request.front import SECRET, VIEWER, front_settings
from functions.authorize_request.handler import lambda_handler
from tests.support.api_keys import make_key
from tests.support.builders import read_event
from tests.support.fakes.outside import Outside

Event = dict[str, Any]
OURS, FORGED = "made by CloudFormation", "forged"
VIEWERS = "198.51.100.23"


@pytest.fixture(autouse=True)
def _behind_cloudfront(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be behind CloudFront, on an AWS that moto plays."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("FRONT_SECRET_ID", "front")
    front_settings.cache_clear()
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name="front", SecretString=json.dumps({"secret": OURS}))
        yield
    if handler._runner.cache_info().currsize:
        handler._runner().close()
    handler._runner.cache_clear()
    front_settings.cache_clear()


@pytest.fixture
def key(outside: Outside) -> str:
    """Return a key that is bound to the viewer's network."""
    text, key = make_key()
    outside.api_keys.held[key.id] = msgspec.structs.replace(key, networks=(f"{VIEWERS}/32",))
    return text


def http_event(key: str, headers: dict[str, str]) -> Event:
    event: Event = read_event("authorize_request.http")
    event["headers"] |= {"authorization": f"Bearer {key}", **headers}
    return event


def socket_event(key: str, headers: dict[str, str]) -> Event:
    event: Event = read_event("authorize_request.socket")
    event["headers"] |= {"Authorization": f"Bearer {key}", **{name.title(): text for name, text in headers.items()}}
    event["multiValueHeaders"] |= {"Authorization": [f"Bearer {key}"]}
    return event


def is_let_in(answer: Event) -> bool:
    if "isAuthorized" in answer:
        return bool(answer["isAuthorized"])
    return [statement["Effect"] for statement in answer["policyDocument"]["Statement"]] == ["Allow"]


@pytest.mark.parametrize("make_event", [http_event, socket_event])
@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({SECRET: OURS, VIEWER: VIEWERS}, True),
        ({SECRET: OURS, VIEWER: "198.51.100.24"}, False),
        ({SECRET: OURS}, False),
        ({SECRET: FORGED, VIEWER: VIEWERS}, False),
        ({SECRET: "", VIEWER: VIEWERS}, False),
        ({VIEWER: VIEWERS}, False),
        ({}, False),
    ],
)
def test_only_a_viewer_of_cloudfront_is_let_in_by_its_own_address(
    key: str, make_event: Any, headers: dict[str, str], let_in: bool
) -> None:
    assert is_let_in(lambda_handler(make_event(key, headers), None)) is let_in


def test_without_cloudfront_its_headers_mean_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRONT_SECRET_ID")
    front_settings.cache_clear()

    assert not is_let_in(lambda_handler(http_event(key, {SECRET: OURS, VIEWER: VIEWERS}), None))
