"""The logins to Postgres and Redis: in their URLs, or in secrets, which may change under way."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import redis
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws
from pg8000.exceptions import DatabaseError

from orderflow.adapters import postgres
from orderflow.adapters.secrets import RedisLogin
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import clients

URL = "postgresql://ann:secret@db.example/orderflow"


def forget_parameters() -> None:
    """Have Powertools ask for every parameter anew."""
    parameters.clear_caches()  # type: ignore[no-untyped-call]


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be on an AWS that moto plays, with nothing kept of an earlier one."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("DATABASE_URL", "DATABASE_SECRET_ID", "REDIS_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
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
    return keep(name, {"database_url": url, "username": "ann"})


def keep(name: str, secret: object) -> str:
    """Keep a secret under this name, and return its ARN."""
    secrets = boto3.client("secretsmanager")
    document = json.dumps(secret)
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


@pytest.mark.parametrize(
    ("secret", "database_url", "expected"),
    [
        pytest.param(
            {"username": "ann", "password": "p/w@1"},
            "postgresql://proxy.example:5432/orderflow?sslmode=verify-full",
            "postgresql://ann:p%2Fw%401@proxy.example:5432/orderflow?sslmode=verify-full",
            id="as RDS manages it: a login alone",
        ),
        pytest.param(
            {"engine": "postgres", "username": "ann", "password": "pw", "host": "db", "port": 6543, "dbname": "trades"},
            "",
            "postgresql://ann:pw@db:6543/trades?sslmode=verify-full",
            id="as Secrets Manager rotates it: with the place",
        ),
        pytest.param(
            {"username": "ann", "password": "pw", "host": "db"},
            "postgresql://proxy.example/orderflow",
            "postgresql://ann:pw@proxy.example/orderflow",
            id="the place of the environment goes before the secret's",
        ),
        pytest.param(
            {"username": "ann", "password": "pw", "host": "db"},
            "",
            "postgresql://ann:pw@db:5432/postgres?sslmode=verify-full",
            id="a place with the usual port and name",
        ),
    ],
)
def test_a_secret_gives_the_login_that_the_url_lacks(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, secret: dict[str, Any], database_url: str, expected: str
) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ID", keep("orderflow/database", secret))
    monkeypatch.setenv("DATABASE_URL", database_url)

    ask_ledger()

    assert opened == [expected]


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ({"username": "ann", "host": "db"}, "holds no 'password'"),
        ({"username": "ann", "password": "pw"}, "holds no 'host'"),
        (["pw"], "holds no JSON object"),
    ],
)
def test_a_secret_that_lacks_something_is_a_mistake_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, secret: object, complaint: str
) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ID", keep("orderflow/database", secret))

    with pytest.raises(ConfigurationError, match=complaint):
        clients.ledger().ping()


def test_a_secret_that_can_not_be_read_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ID", "orderflow/database")

    with pytest.raises(RetryableError, match=r"^the secret orderflow/database can't be read: .*NotFound"):
        clients.ledger().ping()


def refusing(monkeypatch: pytest.MonkeyPatch, code: str, opened: list[str]) -> None:
    """Have Postgres refuse every connection with a SQLSTATE."""

    def connect(url: str) -> Any:
        opened.append(url)
        raise DatabaseError({"C": code, "M": "not you"})

    monkeypatch.setattr(postgres, "connect", connect)


def test_a_login_that_is_refused_is_read_anew_and_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    refusing(monkeypatch, "28P01", opened)
    monkeypatch.setenv("DATABASE_SECRET_ID", keep_secret(URL))
    with pytest.raises(RetryableError):
        clients.ledger().ping()
    keep_secret("postgresql://ann:rotated@db.example/orderflow")

    with pytest.raises(RetryableError, match="^Postgres refuses the login: not you$"):
        clients.ledger().ping()

    assert opened == [URL, URL, URL, "postgresql://ann:rotated@db.example/orderflow"]


def test_another_refusal_has_nothing_to_do_with_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    refusing(monkeypatch, "3D000", opened)
    monkeypatch.setenv("DATABASE_SECRET_ID", keep_secret(URL))

    with pytest.raises(DatabaseError):
        clients.ledger().ping()

    assert opened == [URL]


@pytest.mark.parametrize(
    ("secret", "login"),
    [({"username": "app", "password": "pw"}, ("app", "pw")), ({"password": "token"}, ("token",))],
)
def test_redis_gets_the_login_of_its_secret(secret: dict[str, str], login: tuple[str, ...]) -> None:
    keep("orderflow/redis", secret)

    assert RedisLogin("orderflow/redis").get_credentials() == login
    assert asyncio.run(RedisLogin("orderflow/redis").get_credentials_async()) == login


@pytest.mark.parametrize("secret", [None, "pw", {"username": "app"}])
def test_without_its_login_redis_counts_as_unavailable(secret: object) -> None:
    if secret is not None:
        keep("orderflow/redis", secret)

    with pytest.raises(redis.ConnectionError, match="^the secret orderflow/redis "):
        RedisLogin("orderflow/redis").get_credentials()
