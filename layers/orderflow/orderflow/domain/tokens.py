"""The tokens that can be traded, by symbol and by mint."""

import msgspec


class Token(msgspec.Struct, frozen=True):
    """A token: one unit is 10^`decimals` atoms."""

    symbol: str
    mint: str
    decimals: int


TOKENS: dict[str, Token] = {
    token.symbol: token
    for token in (
        Token("SOL", "So11111111111111111111111111111111111111112", 9),
        Token("USDC", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", 6),
        Token("USDT", "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB", 6),
        Token("JUP", "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN", 6),
        Token("RAY", "4k3Dyjzvzp8eMZWUXbBCjEvwSkkk59S5iCNLY3QrkX6R", 6),
        Token("BONK", "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263", 5),
        Token("WIF", "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm", 6),
        Token("JTO", "jtojtomepa8beP8AuQc6eXt5FriJwfFMwQx2v2f9mCL", 9),
        Token("PYTH", "HZ1JovNiVvGrGNiiYvEozEVgZ58xaU3RKwX8eACQBCt3", 6),
        Token("mSOL", "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So", 9),
        Token("JitoSOL", "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn", 9),
        Token("ORCA", "orcaEKTdK7LKz57vaAYr9QeNsVEPfiu6QeMU1kektZE", 6),
    )
}

_BY_MINT = {token.mint: token for token in TOKENS.values()}
_BY_SYMBOL = {token.symbol.upper(): token for token in TOKENS.values()}


def find_token(name: str) -> Token | None:
    """Return the token with this mint, exactly as written, or with this symbol in upper or lower case; else None."""
    # Only ASCII letters: the upper case of "ſ" and "ı" is S and I, but they are other letters.
    return _BY_MINT.get(name) or (_BY_SYMBOL.get(name.upper()) if name.isascii() else None)
