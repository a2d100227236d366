"""The roles with which functions log in: secrets with their logins in, Postgres roles that may only what they need out.

Where functions log in as the ledger's owner, which is what a database of one's own is given with, there are none.
"""

import base64
from collections.abc import Mapping
from contextlib import closing
from typing import Literal, NamedTuple, get_args

import msgspec
import pg8000.dbapi
from pg8000.native import identifier, literal
from scramp import ScramMechanism

from orderflow.adapters.secrets import read_secret
from orderflow.errors import ConfigurationError
from orderflow.migrate import open_alone
from orderflow.runtime.settings import read_settings

Kind = Literal["reader", "recorder", "authorizer"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RIGHTS: Mapping[Kind, Mapping[str, str]] = {
    "reader": {"orders": "SELECT", "order_events": "SELECT", "fills": "SELECT"},
    "recorder": {"orders": "SELECT, INSERT, UPDATE", "order_events": "SELECT, INSERT", "fills": "SELECT, INSERT"},
    "authorizer": {"api_keys": "SELECT"},
}
"""Of functions that answer and change orders, of record_order, and of authorize_request: rights by table."""


class LoginSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets with the roles' logins, as {"username":"…","password":"…"}; without one its role is not made."""

    reader_secret_id: str = ""
    recorder_secret_id: str = ""
    authorizer_secret_id: str = ""


class Login(NamedTuple):
    """A role's name and password."""

    username: str
    password: str


def read_logins() -> dict[Kind, Login]:
    """Return the logins in the secrets that the settings name.

    Raises RetryableError when a secret can't be read, and ConfigurationError when it holds no login.
    """
    settings = read_settings(LoginSettings)
    secrets = {kind: getattr(settings, f"{kind}_secret_id") for kind in KINDS}
    return {kind: _login(secret_id) for kind, secret_id in secrets.items() if secret_id}


def make_roles(database_url: str, logins: Mapping[Kind, Login]) -> None:
    """Make a role of each login, or give the one that there is its password and rights, and take all others from it.

    `database_url` logs in as the ledger's owner, who may make roles. A table that the schema lacks, as one of an
    earlier revision may, is left out. Raises MigrationError where Postgres can't be reached, and DatabaseError.
    """
    with closing(open_alone(database_url)) as connection:
        cursor = connection.cursor()
        for kind, login in logins.items():
            _make_role(cursor, login)
            _grant(cursor, login, RIGHTS[kind])
        connection.commit()


def _login(secret_id: str) -> Login:
    secret = read_secret(secret_id)
    try:
        return Login(str(secret["username"]), str(secret["password"]))
    except KeyError as error:
        raise ConfigurationError(f"the secret {secret_id} holds no {error}") from None


def _make_role(cursor: pg8000.dbapi.Cursor, login: Login) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login.username,))
    verb = "CREATE" if cursor.fetchone() is None else "ALTER"
    # These statements take no parameters, and Postgres may log them: so it gets what a password is verified by.
    cursor.execute(f"{verb} ROLE {identifier(login.username)} LOGIN PASSWORD {literal(_verifier(login.password))}")


def _grant(cursor: pg8000.dbapi.Cursor, login: Login, rights: Mapping[str, str]) -> None:
    role = identifier(login.username)
    cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
    cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    for table, granted in rights.items():
        cursor.execute("SELECT to_regclass(%s)", (f"public.{table}",))
        if cursor.fetchone()[0] is not None:
            cursor.execute(f"GRANT {granted} ON public.{table} TO {role}")


def _verifier(password: str) -> str:
    """Return a password as Postgres keeps it: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>."""
    salt, stored_key, server_key, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(password)
    salt_text, stored, server = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${iterations}:{salt_text}${stored}:{server}"
