"""API keys in Postgres, which is the record of them: a key in, one that is a version higher out."""

from collections.abc import Callable
from typing import Any

import msgspec
import pg8000.native

from orderflow.adapters.codec import encoder
from orderflow.adapters.ledger_connections import LedgerConnections
from orderflow.domain.access import PERMISSIONS, ApiKey, Limits
from orderflow.domain.key_text import KeyText
from orderflow.errors import RejectedError

FIND_TIMEOUT_MS, CHANGE_TIMEOUT_MS = 1_000, 4_000
"""After this Postgres ends a statement itself. A request waits for the first."""

_MS = "CAST(extract(epoch FROM {0}) * 1000 AS bigint)"
_COLUMNS = f"""id, account, digest, permissions, {_MS.format("created_at")}, networks, {_MS.format("expires_at")},
    {_MS.format("revoked_at")}, limits::text, label, version, successor"""


def _time(name: str) -> str:
    return f"to_timestamp(CAST(:{name} AS double precision) / 1000)"


# Only names of our own are put into these texts; every value is a parameter.
_FIND = f"SELECT {_COLUMNS} FROM api_keys WHERE id = :id"  # noqa: S608 - see above

_ALL = f"""SELECT {_COLUMNS} FROM api_keys WHERE CAST(:account AS text) IS NULL OR account = :account
    ORDER BY created_at DESC, id"""  # noqa: S608 - see above

# Any statement may be sent twice (see LedgerConnections.use), so each finds what it has done already.
_ADD = f"""INSERT INTO api_keys
    (id, account, digest, permissions, networks, limits, label, created_at, expires_at, version)
    VALUES (:id, :account, :digest, CAST(:permissions AS text[]), CAST(:networks AS text[]), CAST(:limits AS jsonb),
        :label, {_time("created_at_ms")}, {_time("expires_at_ms")}, 1)
    ON CONFLICT (id) DO UPDATE SET version = api_keys.version WHERE api_keys.digest = excluded.digest
    RETURNING {_COLUMNS}"""  # noqa: S608 - see above

_REVOKE = f"""UPDATE api_keys SET revoked_at = {_time("now_ms")}, version = version + 1
    WHERE id = :id AND revoked_at IS NULL"""  # noqa: S608 - see above

# A key that ends gets a successor with as much time as it had itself, and no key has two: what is left of its grace
# would be all the time of the second one.
_ROTATE = f"""WITH former AS (
        SELECT * FROM api_keys WHERE id = :id AND revoked_at IS NULL AND successor IS NULL
            AND (expires_at IS NULL OR expires_at > {_time("now_ms")})
            AND NOT EXISTS (SELECT FROM api_keys AS successor WHERE successor.id = :new_id)
        FOR UPDATE
    ), ended AS (
        UPDATE api_keys SET expires_at = LEAST(former.expires_at, {_time("ends_at_ms")}), successor = :new_id,
            version = api_keys.version + 1
        FROM former WHERE api_keys.id = former.id
    )
    INSERT INTO api_keys (id, account, digest, permissions, networks, limits, label, created_at, expires_at, version)
    SELECT :new_id, account, :digest, permissions, networks, limits, label, {_time("now_ms")},
        {_time("now_ms")} + (expires_at - created_at), 1 FROM former"""  # noqa: S608 - see above


class ApiKeys:
    """The table of keys, through connections that are kept and shared by threads.

    Every method raises RetryableError when Postgres is unavailable or busy.
    """

    def __init__(self, connect: Callable[[], pg8000.native.Connection]) -> None:
        self._connections = LedgerConnections(connect)

    def add(self, key: ApiKey) -> ApiKey:
        """Keep a new key, and return it. Raises RejectedError when another one has its id."""
        values = {
            **{name: getattr(key, name) for name in ("id", "account", "digest", "label")},
            **{name: getattr(key, name) for name in ("created_at_ms", "expires_at_ms")},
            **{name: list(getattr(key, name)) for name in ("permissions", "networks")},
            "limits": encoder.encode(key.limits).decode(),
        }
        added = self._run(CHANGE_TIMEOUT_MS, _ADD, **values)
        if not added:
            raise RejectedError(f"there is another key {key.id}; try again")
        return added[0]

    def find(self, key_id: str) -> ApiKey | None:
        """Return a key, None when there is none of this id."""
        found = self._run(FIND_TIMEOUT_MS, _FIND, id=key_id)
        return found[0] if found else None

    def all(self, account: str | None = None) -> list[ApiKey]:
        """Return all keys, or those of an account, the newest first; with those that have ended."""
        return self._run(CHANGE_TIMEOUT_MS, _ALL, account=account)

    def revoke(self, key_id: str, now_ms: int) -> ApiKey:
        """End a key for good and return it; one that is revoked is left as it is. Raises RejectedError for no key."""
        self._run(CHANGE_TIMEOUT_MS, _REVOKE, id=key_id, now_ms=now_ms)
        return self._known(key_id)

    def rotate(self, key_id: str, successor: KeyText, now_ms: int, grace_ms: int) -> tuple[ApiKey, ApiKey]:
        """Give a key a successor that may do the same; return the key, which ends after `grace_ms`, and the successor.

        Raises RejectedError when it is unknown, has ended, or has a successor.
        """
        self._run(
            CHANGE_TIMEOUT_MS,
            _ROTATE,
            id=key_id,
            new_id=successor.id,
            digest=successor.digest,
            now_ms=now_ms,
            ends_at_ms=now_ms + grace_ms,
        )
        former, new = self._known(key_id), self.find(successor.id)
        if new is None or new.digest != successor.digest:
            if former.successor:
                raise RejectedError(f"key {key_id} has the successor {former.successor}; rotate or revoke that one")
            raise RejectedError(f"key {key_id} has ended, and needs no successor; add a new key")
        return former, new

    def close(self) -> None:
        """Close the connections that are idle; the next use opens another."""
        self._connections.close()

    def _known(self, key_id: str) -> ApiKey:
        key = self.find(key_id)
        if key is None:
            raise RejectedError(f"there is no key {key_id}")
        return key

    def _run(self, limit_ms: int, statement: str, **values: Any) -> list[ApiKey]:
        rows = self._connections.use(limit_ms, lambda connection: list(connection.run(statement, **values) or []))
        return [_read(*row) for row in rows]


def _read(
    key_id: str,
    account: str,
    digest: str,
    permissions: list[str],
    created_at_ms: int,
    networks: list[str],
    expires_at_ms: int | None,
    revoked_at_ms: int | None,
    limits: str,
    label: str,
    version: int,
    successor: str | None,
) -> ApiKey:
    return ApiKey(
        id=key_id,
        account=account,
        digest=digest,
        # One that only newer code knows is none that this code could grant.
        permissions=tuple(name for name in PERMISSIONS if name in permissions),
        created_at_ms=created_at_ms,
        networks=tuple(networks),
        expires_at_ms=expires_at_ms,
        revoked_at_ms=revoked_at_ms,
        limits=msgspec.json.decode(limits, type=Limits),
        label=label,
        version=version,
        successor=successor or "",
    )
