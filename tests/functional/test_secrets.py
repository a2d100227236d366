"""Where the ledger is: DATABASE_URL, or a secret that holds it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws

from orderflow.adapters import postgres
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import clients

URL = "postgresql://ann:secret@db.example/orderflow"


def forget_parameters() -> None:
    """Have Powertools ask for every parameter anew."""
    parameters.clear_caches()  # type: ignore[no-untyped-call]


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be on an AWS that moto plays, with nothing kept of an earlier one."""
    for name, value in {"AWS_DEFAULT_REGION": "eu-central-1", "DATABASE_URL": "", "DATABASE_SECRET_ID": ""}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        forget_parameters()
        yield
    forget_parameters()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the URLs that are connected to; the servers there refuse."""
    opened: list[str] = []

    def connect(url: str) -> Any:
        opened.append(url)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(postgres, "connect", connect)
    return opened


def ask_ledger() -> None:
    with pytest.raises(RetryableError, match="^Postgres can't be reached: refused$"):
        clients.ledger().ping()


def keep_secret(url: str, name: str = "orderflow/database") -> str:
    """Keep a URL as the secret of this name, and return its ARN."""
    secrets = boto3.client("secretsmanager")
    document = json.dumps({"database_url": url, "username": "ann"})
    try:
        return str(secrets.create_secret(Name=name, SecretString=document)["ARN"])
    except secrets.exceptions.ResourceExistsException:
        return str(secrets.put_secret_value(SecretId=name, SecretString=document)["ARN"])


def test_the_url_of_the_environment_is_used(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)

    ask_ledger()

    assert opened == [URL]


@pytest.mark.parametrize("by", ["name", "arn"])
def test_the_url_is_read_from_the_secret(opened: list[str], monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    arn = keep_secret(URL)
    monkeypatch.setenv("DATABASE_SECRET_ID", arn if by == "arn" else "orderflow/database")

    ask_ledger()

    assert opened == [URL]


def test_the_url_of_the_environment_goes_before_the_secret(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("DATABASE_SECRET_ID", keep_secret("postgresql://other"))

    ask_ledger()

    assert opened == [URL]


def test_a_secret_that_was_rotated_is_found_by_the_next_connection_after_a_while(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ID", keep_secret(URL))
    ask_ledger()
    keep_secret("postgresql://ann:rotated@db.example/orderflow")

    ask_ledger()
    forget_parameters()  # as time does
    ask_ledger()

    assert opened == [URL, URL, "postgresql://ann:rotated@db.example/orderflow"]


def test_a_ledger_that_nothing_names_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match="^DATABASE_URL is not set, and neither is DATABASE_SECRET_ID$"):
        clients.ledger().ping()
