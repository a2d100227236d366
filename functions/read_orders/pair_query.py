"""Reads which pair of tokens a query is about: names as clients write them in, the tokens out."""

from typing import Annotated, NamedTuple

from fastapi import Query

from orderflow.domain.tokens import Token, find_token
from orderflow.runtime.http.launched_tokens import Launched, find_launched
from orderflow.runtime.http.order_fields import HAS_CLOSED, NO_TOKEN
from orderflow.runtime.http.problems import FieldError, refused

TokenName = Annotated[str | None, Query(description="the symbol of a token, or its mint")]


class PairOfTokens(NamedTuple):
    """Two different tokens, which prices are in units of the second per unit of the first of."""

    token_in: Token
    token_out: Token


async def read_pair(token_in: str | None, token_out: str | None, account: str) -> PairOfTokens:
    """Return the tokens that a query of an account names. Raises ProblemError, which names the field."""
    names = {"token_in": token_in, "token_out": token_out}
    launched = await find_launched([names], account)
    tokens: list[Token] = []
    errors: list[FieldError] = []
    for field, name in names.items():
        found = _read_token(name, launched)
        if isinstance(found, Token):
            tokens.append(found)
        else:
            errors.append(FieldError(field, found))
    if not errors and tokens[0].symbol == tokens[1].symbol:
        errors.append(FieldError("token_out", "must not be the same token as token_in"))
    if errors:
        raise refused(errors)
    return PairOfTokens(*tokens)


def _read_token(name: str | None, launched: Launched) -> Token | str:
    """Return a token, or the rule that its name breaks."""
    if name is None:
        return "is required"
    token = find_token(name) or launched.tokens.get(name)
    if token is None:
        return NO_TOKEN
    return HAS_CLOSED if token.symbol in launched.closed else token
