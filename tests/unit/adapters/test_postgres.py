"""The forms that DATABASE_URL may take."""

import ssl
from typing import Any

import pytest

from orderflow.adapters.postgres import connection_arguments
from orderflow.errors import ConfigurationError


def some(arguments: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: arguments[name] for name in names}


def test_a_server_is_named_by_host_and_port() -> None:
    arguments = connection_arguments("postgresql://ann:s%40crt%2F@db.example:6543/trades")

    assert some(arguments, "user", "password", "host", "port", "database", "unix_sock", "ssl_context") == {
        "user": "ann",
        "password": "s@crt/",
        "host": "db.example",
        "port": 6543,
        "database": "trades",
        "unix_sock": None,
        "ssl_context": None,
    }


def test_a_socket_is_named_by_its_directory_which_becomes_its_file() -> None:
    arguments = connection_arguments("postgresql://postgres@/orderflow?host=/run/orderflow")

    assert arguments["host"] is None
    assert arguments["unix_sock"] == "/run/orderflow/.s.PGSQL.5432"
    assert some(arguments, "user", "password", "database") == {
        "user": "postgres",
        "password": "",
        "database": "orderflow",
    }


def test_what_is_left_out_has_libpqs_defaults() -> None:
    arguments = connection_arguments("postgres://")

    assert some(arguments, "user", "host", "port", "database") == {
        "user": "postgres",
        "host": "127.0.0.1",
        "port": 5432,
        "database": "postgres",
    }


@pytest.mark.parametrize(
    ("sslmode", "verify_mode", "check_hostname"),
    [
        ("require", ssl.CERT_NONE, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_encryption_is_asked_for_by_sslmode(sslmode: str, verify_mode: ssl.VerifyMode, check_hostname: bool) -> None:
    context = connection_arguments(f"postgresql://h/d?sslmode={sslmode}")["ssl_context"]

    assert context.verify_mode == verify_mode
    assert context.check_hostname == check_hostname


@pytest.mark.parametrize(("sslmode", "wanted"), [("disable", False), ("allow", None), ("prefer", None)])
def test_encryption_is_not_insisted_on_by_sslmode(sslmode: str, wanted: bool | None) -> None:
    assert connection_arguments(f"postgresql://h/d?sslmode={sslmode}")["ssl_context"] is wanted


@pytest.mark.parametrize("query", ["sslmode=verify_full", "sslmode=verify-full&sslrootcert=/nowhere.pem"])
def test_encryption_that_can_not_be_had_as_asked_is_refused(query: str) -> None:
    with pytest.raises(ConfigurationError, match="^DATABASE_URL has an ssl"):
        connection_arguments(f"postgresql://h/d?{query}")


@pytest.mark.parametrize("url", ["", "mysql://h/d", "h:5432/d", "postgresql://u:a/b@h/d"])
def test_another_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="^DATABASE_URL ") as refusal:
        connection_arguments(url)

    assert "u:a" not in str(refusal.value)
