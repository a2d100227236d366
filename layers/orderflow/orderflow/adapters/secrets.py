"""Secrets Manager: the id of a secret in, the login that it holds out."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import redis
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, SetSecretError
from redis.credentials import CredentialProvider

from orderflow.errors import ConfigurationError, OrderflowError, RetryableError

MAX_AGE_S = 300
REDIS_MAX_AGE_S = 5
"""Only a connection that is opened asks, and redis-py does not say when its login is refused."""


def read_secret(secret_id: str, max_age_s: int = MAX_AGE_S, *, anew: bool = False) -> dict[str, Any]:
    """Return the JSON object that a secret holds; one that was read less than `max_age_s` ago is not read again.

    `anew` reads it in any case: what it held has been refused. Raises RetryableError when it can't be read, and
    ConfigurationError when it holds something else.
    """
    try:
        text = parameters.get_secret(secret_id, max_age=max_age_s, force_fetch=anew)
    except GetParameterError as error:
        raise RetryableError(f"the secret {secret_id} can't be read: {error}") from error
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:  # whose message names a place, never the text
        raise ConfigurationError(f"the secret {secret_id} holds no JSON object: {error}") from error


def write_secret(secret_id: str, text: str) -> None:
    """Put a text into a secret, which is made if there is none. Raises RetryableError when that can't be done."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        parameters.set_secret(secret_id, text)
    except (SetSecretError, BotoCoreError, ClientError) as error:
        raise RetryableError(f"the secret {secret_id} can't be written: {error}") from error


def database_url(secret: Mapping[str, Any], base_url: str) -> str:
    """Return the URL of a database whose login a secret holds.

    That is `database_url` where the secret has it, and else, as RDS writes it, `username` and `password`, put into
    `base_url`; where that is empty, at `host`, `port` and `dbname`. Raises ConfigurationError when one is missing.
    """
    if "database_url" in secret:
        return str(secret["database_url"])
    try:
        username, password = (quote(str(secret[name]), safe="") for name in ("username", "password"))
        if not base_url:
            place = f"{secret['host']}:{secret.get('port', 5432)}/{secret.get('dbname', 'postgres')}"
            base_url = f"postgresql://{place}?sslmode=verify-full"
    except KeyError as error:
        raise ConfigurationError(f"the secret of the database holds no {error}") from None
    url = urlsplit(base_url)
    return url._replace(netloc=f"{username}:{password}@{url.netloc}").geturl()


class RedisLogin(CredentialProvider):
    """The login that a secret holds as `password` and, where there is one, `username`; for each connection anew."""

    def __init__(self, secret_id: str) -> None:
        self._secret_id = secret_id

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return the login. Raises redis.ConnectionError when it can't be had: Redis is as good as unavailable."""
        try:
            secret = read_secret(self._secret_id, REDIS_MAX_AGE_S)
            password = str(secret["password"])
        except OrderflowError as error:
            raise redis.ConnectionError(str(error)) from error
        except KeyError as error:
            raise redis.ConnectionError(f"the secret {self._secret_id} holds no {error}") from None
        return (str(secret["username"]), password) if "username" in secret else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Return the login; the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.get_credentials)
