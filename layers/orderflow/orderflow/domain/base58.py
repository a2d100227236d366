"""Base58, in which Solana's addresses are written: bytes in, text out, and back."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {letter: digit for digit, letter in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Return bytes in base58; each leading byte 0 is a leading `1`."""
    number, letters = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        letters = _ALPHABET[digit] + letters
    return _ALPHABET[0] * (len(data) - len(data.lstrip(b"\0"))) + letters


def decode(text: str) -> bytes | None:
    """Return the bytes that a text in base58 stands for; None where it is no base58, or has more than 100 letters."""
    if len(text) > 100 or not all(letter in _DIGITS for letter in text):
        return None
    number = 0
    for letter in text:
        number = number * 58 + _DIGITS[letter]
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
