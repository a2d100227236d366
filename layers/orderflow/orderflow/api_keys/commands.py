"""What the commands for API keys do: arguments in, keys in Postgres and their copies in Redis out."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import redis

from orderflow.adapters.api_key_copies import FRESH_MS, keep_copy
from orderflow.adapters.api_keys import ApiKeys
from orderflow.api_keys.open_sockets import Close
from orderflow.domain.access import ApiKey, Limits, Rate, why_ended
from orderflow.domain.key_text import make_key_text
from orderflow.errors import RejectedError, RetryableError
from orderflow.runtime import clock
from orderflow.runtime.known_keys import REMEMBER_S

OpenRedis = Callable[[], redis.Redis]


def run(arguments: argparse.Namespace, keys: ApiKeys, open_redis: OpenRedis, close_sockets: Close | None = None) -> int:
    """Do what the arguments say; return 0 when all of it could be done, and at once.

    `close_sockets` closes those of a key that has ended, where nothing else does. Raises RetryableError when Postgres
    is unavailable. Without Redis a key is recorded all the same, and what ended ends a minute later.
    """
    match arguments.action:
        case "add":
            return _add(arguments, keys, open_redis)
        case "list":
            return _list(keys.all(arguments.account), arguments.account)
        case "revoke":
            return max([_revoke(key_id, keys, open_redis, close_sockets) for key_id in arguments.ids])
        case _:
            return _rotate(arguments, keys, open_redis, close_sockets)


def _add(arguments: argparse.Namespace, keys: ApiKeys, open_redis: OpenRedis) -> int:
    text, said = make_key_text(arguments.environment)
    now_ms = clock.now_ms()
    limits = {field: getattr(arguments, field) for field in Limits.__struct_fields__}
    key = ApiKey(
        id=said.id,
        account=arguments.account,
        digest=said.digest,
        permissions=arguments.permissions,
        created_at_ms=now_ms,
        networks=arguments.networks,
        expires_at_ms=None if arguments.expires_in is None else now_ms + arguments.expires_in,
        limits=Limits(**limits),
        label=arguments.label,
    )
    added = keys.add(key)
    _copy([added], open_redis)  # one that is not copied is found all the same
    _say(f"Key {_described(added)}.")
    return _hand_over(text, added, arguments.to_secret, keys, open_redis)


def _revoke(key_id: str, keys: ApiKeys, open_redis: OpenRedis, close_sockets: Close | None) -> int:
    try:
        revoked = keys.revoke(key_id, clock.now_ms())
    except RejectedError as error:
        _say(str(error))
        return 1
    at_once = _copy([revoked], open_redis)
    _say(f"Key {key_id} of {revoked.account} is revoked, and refused in {_delay(at_once)} at most.")
    return _end(revoked, at_once, close_sockets)


def _rotate(arguments: argparse.Namespace, keys: ApiKeys, open_redis: OpenRedis, close_sockets: Close | None) -> int:
    text, said = make_key_text(arguments.environment)
    former, new = keys.rotate(arguments.id, said, clock.now_ms(), arguments.grace)
    at_once = _copy([former, new], open_redis)
    ends = f"ends {_time(former.expires_at_ms)}" if arguments.grace else f"is refused in {_delay(at_once)} at most"
    _say(f"Key {_described(new)}, takes the place of {former.id}, which {ends}.")
    status = _hand_over(text, new, arguments.to_secret, keys, open_redis)
    return status if arguments.grace else max(status, _end(former, at_once, close_sockets))


def _end(key: ApiKey, at_once: bool, close_sockets: Close | None) -> int:
    """Close the sockets of a key that has ended; return 0 when it counts at once, for them too."""
    if close_sockets is None:
        return 0 if at_once else 1
    try:
        closed = close_sockets(key)
    except (RetryableError, redis.RedisError, OSError) as error:
        _say(f"Its sockets can't be closed, and stay open for up to two hours: {error}")
        return 1
    _say(f"{closed} sockets that were open by it are closed.")
    return 0 if at_once else 1


def _hand_over(text: str, key: ApiKey, to_secret: str | None, keys: ApiKeys, open_redis: OpenRedis) -> int:
    """Give the text of a new key to its user. One that could not be given is revoked, for who knows where it is."""
    if to_secret is None:
        _say("It is shown this once:" if sys.stdout.isatty() else "It is on standard output, this once.")
        print(text, flush=True)
        return 0
    # Imported only here: boto3 takes longer than all the rest.
    from orderflow.adapters.secrets import write_secret

    try:
        write_secret(to_secret, text)
    except BaseException:
        _copy([keys.revoke(key.id, clock.now_ms())], open_redis)
        raise
    _say(f"It is in the secret {to_secret}.")
    return 0


def _copy(changed: Iterable[ApiKey], open_redis: OpenRedis) -> bool:
    """Bring keys as they are now to Redis, and return whether that was possible."""
    try:
        client = open_redis()
        for key in changed:
            keep_copy(client, key)
    except (redis.RedisError, OSError) as error:
        _say(f"Redis does not answer: {error}")
        return False
    return True


def _delay(at_once: bool) -> str:
    return f"{REMEMBER_S if at_once else REMEMBER_S + FRESH_MS / 1000:g} s"


def _list(found: Iterable[ApiKey], account: str | None) -> int:
    none = True
    for key in found:
        none = False
        print(_described(key))
    if none:
        print("There are no keys." if account is None else f"The account {account} has no keys.")
    return 0


def _described(key: ApiKey) -> str:
    """Return a key as people see it, such as `7AeQnb2Xk1c  alice  read,trade  good, until 2026-12-26 10:00`."""
    ended = why_ended(key, clock.now_ms())
    until = f"good until {_time(key.expires_at_ms)}" if key.expires_at_ms else "good"
    state = {"revoked": f"revoked {_time(key.revoked_at_ms)}", "expired": f"ended {_time(key.expires_at_ms)}"}
    parts = [key.id, key.account, ",".join(key.permissions), state[ended] if ended else until]
    if key.networks:
        parts.append(f"from {','.join(key.networks)}")
    parts += _limits(key.limits)
    if key.label:
        parts.append(f"“{key.label}”")
    return "  ".join(parts)


def _limits(limits: Limits) -> Iterator[str]:
    """Yield the limits other than the usual ones, as they are given to the command."""
    for name in Limits.__struct_fields__:
        value = getattr(limits, name)
        if value != getattr(Limits(), name):
            shown = f"{value.per_second:g}/s:{value.burst}" if isinstance(value, Rate) else f"{value}"
            yield f"{name.replace('_', '-')} {shown}"


def _time(at_ms: int | None) -> str:
    return f"{datetime.fromtimestamp((at_ms or 0) / 1000, UTC).astimezone():%Y-%m-%d %H:%M}"


def _say(line: str) -> None:
    """Print for people: standard output has the key alone."""
    print(line, file=sys.stderr, flush=True)
