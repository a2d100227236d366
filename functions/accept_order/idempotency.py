"""Names the order that a request may repeat: an Idempotency-Key or a client_order_id in, one name out."""

import re
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from starlette.datastructures import Headers

from orderflow.adapters.codec import encoder
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import OrderRequest
from orderflow.runtime.http.problems import FieldError, ProblemError, invalid

KEY_HEADER = "Idempotency-Key"
CLIENT_ORDER_ID = "client_order_id"
MAX_KEY_LENGTH = 255

# A string of RFC 8941, section 3.3.3, as the IETF draft of the header writes a key; most clients send it bare.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_SEVERAL = re.compile(rf"{_QUOTED.pattern}(\s*,.*)")
_ONCE = "must be given once; a key that has a comma stands in quotation marks"
_ESCAPED = re.compile(r'\\(["\\])')


class Name(NamedTuple):
    """The name under which a client repeats an order, and the field that gave it."""

    field: str
    value: str
    account: str = LOCAL_ACCOUNT

    @property
    def record(self) -> str:
        """The name of its idempotency record: short, no secret, and never that of another field's or account's value.

        Those of the account `local` are the ones that there were before there were accounts.
        """
        # Neither an account nor a field has a line break or a colon, so what stands before the first one says which.
        of_account = "" if self.account == LOCAL_ACCOUNT else f"{self.account}\n"
        return sha256(f"{of_account}{self.field}:{self.value}".encode()).hexdigest()

    def reused(self) -> ProblemError:
        """Return the error of a name that was used with another order."""
        detail = f"this {self.field} was used with another order"
        error = FieldError(self.field, "must not be used again with another order")
        return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, (error,))


def key_of(headers: Headers) -> str | None:
    """Return the key that a request has, None when it has none. Raises ProblemError for one that breaks a rule."""
    keys = headers.getlist(KEY_HEADER)
    if len(keys) > 1:
        raise invalid(KEY_HEADER, _ONCE)
    return _read_key(keys[0].strip()) if keys else None


def name_of(key: str | None, client_order_id: str | None, account: str, place: int | None = None) -> Name | None:
    """Return the order's name, None when the client gave it none; `place` is the order's in the batch that `key` names.

    Each account has its own names: the same one of another account's is that of another order.

    Raises ProblemError for two names: they can't both be held in one partition.
    """
    if key is None:
        return None if client_order_id is None else Name(CLIENT_ORDER_ID, client_order_id, account)
    if client_order_id is not None:
        detail = f"{KEY_HEADER} and {CLIENT_ORDER_ID} each identify the order: give one"
        errors = (
            FieldError(KEY_HEADER, f"must not come with a {CLIENT_ORDER_ID}"),
            FieldError(CLIENT_ORDER_ID, f"must not come with an {KEY_HEADER}"),
        )
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail, errors)
    # No key has a line break, so that no single order's name is one of a batch's.
    return Name(KEY_HEADER, key if place is None else f"{key}\n{place}", account)


def fingerprint(request: OrderRequest, expires_in_ms: int | None = None) -> str:
    """Return the SHA-256 of what a request asks for, in hex: equal for requests that ask for the same.

    One that asks to be good for `expires_in_ms` asks for the same whenever it is sent, so that counts, and not when its
    time would be over.

    It is kept for IDEMPOTENCY_HOURS, over deployments too. So a field that is added later must not change it for
    requests that leave the field at its default; OrderRequest does not encode such fields.
    """
    if expires_in_ms is None:
        return sha256(encoder.encode(request)).hexdigest()
    whenever = encoder.encode(msgspec.structs.replace(request, expires_at_ms=None))
    return sha256(b"%b for %d ms" % (whenever, expires_in_ms)).hexdigest()


def _read_key(text: str) -> str:
    """Return the key that the header holds, the same whether it is quoted or bare."""
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        if quoted is None and _SEVERAL.fullmatch(text):
            raise invalid(KEY_HEADER, _ONCE)
        if quoted is None:
            raise invalid(KEY_HEADER, "must be one string of RFC 8941, since it begins with a quotation mark")
        text = _ESCAPED.sub(r"\1", quoted[1])
    elif not (text.isascii() and text.isprintable()):
        raise invalid(KEY_HEADER, "must be printable ASCII")
    elif "," in text:
        # API Gateway makes this of a header that was sent twice, as any proxy may (RFC 9110, section 5.3).
        raise invalid(KEY_HEADER, _ONCE)
    if not 1 <= len(text) <= MAX_KEY_LENGTH:
        raise invalid(KEY_HEADER, f"must have 1 to {MAX_KEY_LENGTH} characters")
    return text
