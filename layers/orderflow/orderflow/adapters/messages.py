"""How a message names its order, and how the steps that are kept of an order become the order again."""

import re
from collections.abc import Iterable, Mapping

import msgspec

_NAME = re.compile(r"([0-9a-f-]{36}) ([0-9]{1,5})")


class _About(msgspec.Struct):
    """What a message that holds more has as well."""

    order_id: str


_about_decoder = msgspec.json.Decoder(_About)


def name_of(order_id: str, sequence: int) -> str:
    """Return what a message holds as its `order`: an order as it was after its step `sequence`."""
    return f"{order_id} {sequence}"


def order_name(fields: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the id and the sequence by which a message names its order; None where it holds it whole, or has none."""
    name = _NAME.fullmatch(fields.get("order", ""))
    return (name[1], int(name[2])) if name else None


def order_id_of(fields: Mapping[str, str]) -> str | None:
    """Return the id of the order that a record is about, however it says so; None where it is about none.

    In the place of an order's id a feed's name may stand.
    """
    if "order_id" in fields:
        return fields["order_id"]
    if name := order_name(fields):
        return name[0]
    try:
        return _about_decoder.decode(fields.get("order", "")).order_id
    except msgspec.DecodeError:
        return None


def kept_steps(fields: Mapping[str, str]) -> list[str]:
    """Return what is kept of each step of an order in its hash; of steps of the release before that is their event."""
    numbers = range(1, int(fields.get("sequence", 0)) + 1)
    return [fields.get(f"step:{number}") or fields[f"event:{number}"] for number in numbers]


def own_steps(fields: Mapping[str, str]) -> list[str]:
    """Return those steps in an order's hash that are kept as such, not as the events of the release before."""
    numbers = range(1, int(fields.get("sequence", 0)) + 1)
    return [step for number in numbers if (step := fields.get(f"step:{number}"))]


def merge(steps: Iterable[str]) -> str:
    """Return the JSON object with the members of all of these; of those with the same name a decoder takes the last."""
    return f"{{{','.join(step[1:-1] for step in steps)}}}"
