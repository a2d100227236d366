"""What the system keeps in Redis, as a document: written from a Redis, and put back into one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import redis

from orderflow.adapters.streams import CONSUMER

RECORDED = Path(__file__).parents[1] / "events" / "recorded"

Document = dict[str, Any]


class RecordedOrder(msgspec.Struct, frozen=True):
    """An order of a recording: how it was posted, and how it has to end."""

    order_id: str
    body: str
    headers: dict[str, str]
    end: str


class Recording(msgspec.Struct, frozen=True):
    """What a version left: its orders, which status it let follow which, and all that it had in Redis."""

    partitions: int
    seed: int
    orders: list[RecordedOrder]
    followers: dict[str, list[str]]
    keys: list[Document]


def recordings() -> list[Path]:
    """Return the files of every version, oldest first."""
    return sorted(RECORDED.glob("*.json"))


def read_recording(path: Path) -> Recording:
    """Return what a file holds."""
    return msgspec.json.decode(path.read_bytes(), type=Recording)


def write_recording(path: Path, recording: Recording) -> None:
    """Write a file, a key of Redis on each line."""
    document = msgspec.to_builtins(recording)
    keys = ",\n".join(json.dumps(each) for each in document.pop("keys"))
    head = json.dumps(document, indent=1).removesuffix("\n}")
    path.write_text(f'{head},\n "keys": [\n{keys}\n]}}\n', encoding="utf-8")


def dump(client: redis.Redis) -> Iterator[Document]:
    """Yield every key of a Redis with all that it holds, in the order of their names."""
    for name in sorted(str(each) for each in client.scan_iter(count=1000)):
        kind = str(client.type(name))
        life_ms = int(client.pttl(name))
        yield {"key": name, "type": kind, "life_ms": life_ms, "value": _value(client, name, kind)}


def load(client: redis.Redis, keys: list[Document]) -> None:
    """Put keys into an empty Redis. What rests in timers is due, in the order in which it was to be."""
    for each in keys:
        name, value = each["key"], each["value"]
        match each["type"]:
            case "string":
                client.set(name, value)
            case "hash":
                client.hset(name, mapping=value)
            case "list":
                client.rpush(name, *value)
            case "set":
                client.sadd(name, *value)
            case "zset":
                latest = max(score for _, score in value)
                client.zadd(name, {member: score - latest for member, score in value})
            case "stream":
                _load_stream(client, name, value)
        if each["life_ms"] > 0:
            client.pexpire(name, each["life_ms"])


def _value(client: redis.Redis, name: str, kind: str) -> Any:
    match kind:
        case "string":
            return client.get(name)
        case "hash":
            return dict(sorted(client.hgetall(name).items()))
        case "list":
            return client.lrange(name, 0, -1)
        case "set":
            return sorted(client.smembers(name))
        case "zset":
            return client.zrange(name, 0, -1, withscores=True)
        case "stream":
            groups = [
                {
                    "name": group["name"],
                    "last": group["last-delivered-id"],
                    "pending": [
                        each["message_id"] for each in client.xpending_range(name, group["name"], "-", "+", 1000)
                    ],
                }
                for group in client.xinfo_groups(name)
            ]
            return {"entries": client.xrange(name), "groups": groups}
    raise ValueError(f"{name} is a {kind}")


def _load_stream(client: redis.Redis, name: str, value: Document) -> None:
    """Put a stream back; what was handed out and not acknowledged is so again."""
    for entry_id, fields in value["entries"]:
        client.xadd(name, fields, id=entry_id)
    for group in value["groups"]:
        client.xgroup_create(name, group["name"], id="0", mkstream=True)
        if group["pending"]:
            client.xreadgroup(group["name"], CONSUMER, {name: ">"}, count=len(value["entries"]))
            others = {entry_id for entry_id, _ in value["entries"]} - set(group["pending"])
            if others:
                client.xack(name, group["name"], *others)
        client.xgroup_setid(name, group["name"], group["last"])
