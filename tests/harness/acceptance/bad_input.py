"""A table of everything that a client can get wrong in an order, with the answer that it must get."""

import dataclasses
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from tests.harness.acceptance.trial import market_order

JSON = "application/json"
MAX_BODY_BYTES = 64 * 1024
SOL_MINT = "So11111111111111111111111111111111111111112"


@dataclass(frozen=True, slots=True)
class BadInput:
    """A body that must be refused with `status`, naming `field` where one is at fault."""

    name: str
    body: bytes
    field: str | None = None
    status: int = 400
    content_type: str | None = JSON
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def all_headers(self) -> dict[str, str]:
        """Every header that the body is sent with."""
        return {**({"Content-Type": self.content_type} if self.content_type else {}), **self.headers}


def bad_inputs() -> Iterator[BadInput]:
    """Yield every bad input."""
    yield from _missing()
    yield from _amounts()
    yield from _tokens()
    yield from _slippages()
    yield from _order_types()
    yield from _bodies()
    yield from _content_types()
    yield from _sent_twice_or_compressed()


def _missing() -> Iterator[BadInput]:
    for name in ("token_in", "token_out", "amount", "order_type"):
        order = market_order()
        del order[name]
        yield BadInput(f"{name} missing", orjson.dumps(order), name)


def _amounts() -> Iterator[BadInput]:
    # As JSON text, since most of these are numbers that a JSON writer refuses to write.
    for amount in (
        "true", '"abc"', '""', "null", "[]", "{}", "NaN", "Infinity", "-Infinity", '"NaN"', '"Infinity"', "1e400",
        '"1e400"', "-1", '"-1"', "0", '"0.00"', "1e-10", '"0.0000000001"', '"1,5"', '"0x10"', "1e30",
        "9e-10", "5e-324", '"7.123456789012345"', "-0", "-5e-324",
    ):  # fmt: skip
        # These are not JSON, and a reader may stop there, before it knows of which field they are the value.
        named = None if amount in ("NaN", "Infinity", "-Infinity") else "amount"
        yield BadInput(f"amount {amount}", _with_raw("amount", amount), named)
    seven = market_order("USDC", "SOL", "1.0000001")
    yield BadInput("seven decimals of USDC, which has six", orjson.dumps(seven), "amount")


def _tokens() -> Iterator[BadInput]:
    for token in ('"DOGE"', '""', "5", "null", "[]", "{}", '"So1111"', '"ſol"', '"wıf"'):
        yield BadInput(f"token_in {token}", _with_raw("token_in", token), "token_in")
        yield BadInput(f"token_out {token}", _with_raw("token_out", token), "token_out")
    for name, same in (("by symbol", "SOL"), ("in other case", "sol"), ("by mint", SOL_MINT)):
        yield BadInput(f"the same token twice, {name}", orjson.dumps(market_order("SOL", same)), "token_out")


def _slippages() -> Iterator[BadInput]:
    for bound in (
        "0.009", "0.51", "0", "-0.05", "1", "NaN", "1e400", '"abc"', "true", "[]",
        "0.5000001", "0.0099999", '"0.03125"',
    ):  # fmt: skip
        named = None if bound == "NaN" else "max_slippage"
        yield BadInput(f"max_slippage {bound}", _with_raw("max_slippage", bound), named)


def _order_types() -> Iterator[BadInput]:
    for order_type in ('"Limit"', '"iceberg"', '""', "1", "null"):
        yield BadInput(f"order_type {order_type}", _with_raw("order_type", order_type), "order_type")


def _bodies() -> Iterator[BadInput]:
    yield BadInput("no body", b"")
    yield BadInput("text that is not JSON", b"hello")
    yield BadInput("JSON that breaks off", b'{"token_in":"SOL"')
    yield BadInput("JSON with a comma too many", b'{"token_in":"SOL","token_out":"USDC","amount":1,}')
    for value in (b"[]", b'"SOL"', b"42", b"null", b"true"):
        yield BadInput(f"{value.decode()} instead of an object", value)
    yield BadInput("30,000 brackets inside each other", b"[" * 30_000 + b"]" * 30_000)
    yield BadInput("a field named twice", orjson.dumps(market_order())[:-1] + b',"amount":2}')
    yield BadInput("33 members", orjson.dumps(market_order() | {f"field {number}": 1 for number in range(29)}))
    yield BadInput("65 kB of fields that there are not", orjson.dumps({f"field {n}": n for n in range(3_400)}))
    yield BadInput("a field with a name of 60 kB", orjson.dumps(market_order() | {"x" * 60_000: 1}))
    yield BadInput("invalid UTF-8", b'{"token_in":"\xff\xfe","token_out":"USDC","amount":1,"order_type":"market"}')
    yield BadInput("a body of 64 KiB and a byte", padded_body(MAX_BODY_BYTES + 1), status=413)
    yield BadInput("a body of 1 MiB", padded_body(1024 * 1024), status=413)


def _content_types() -> Iterator[BadInput]:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml", None):
        name = f"the content type {content_type}" if content_type else "no content type"
        yield BadInput(name, orjson.dumps(market_order()), status=415, content_type=content_type)


def _sent_twice_or_compressed() -> Iterator[BadInput]:
    order = orjson.dumps(market_order())
    for coding, body in (("gzip", gzip.compress(order)), ("br", order)):
        name = f"a body with the content coding {coding}"
        yield BadInput(name, body, status=415, headers={"Content-Encoding": coding})
    # What API Gateway and proxies make of a header that was sent twice.
    yield BadInput("the content type twice", order, status=415, content_type=f"{JSON},{JSON}")
    yield BadInput("a key sent twice", order, "Idempotency-Key", headers={"Idempotency-Key": "k,k"})


def padded_body(size: int) -> bytes:
    """Return a valid order of exactly `size` bytes, filled up with spaces that JSON allows."""
    order = orjson.dumps(market_order(amount=0.01))
    return order[:-1] + b" " * (size - len(order)) + b"}"


def _with_raw(field: str, raw: str) -> bytes:
    order = market_order()
    order[field] = "RAW"
    return orjson.dumps(order).replace(b'"RAW"', raw.encode())
