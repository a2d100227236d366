"""Lets a program print in every locale: what the terminal's encoding lacks is written in plain ASCII instead."""

import codecs
import io
import sys

ERRORS = "orderflow.plain"
PLAIN = {
    "…": "...",
    "→": "->",
    "←": "<-",
    "—": "-",
    "–": "-",
    "−": "-",
    "·": "-",
    "×": "x",
    "“": '"',
    "”": '"',
    "’": "'",
}


def print_whatever_the_locale() -> None:
    """Have standard output and standard error take every character, from now on and for all loggers too."""
    codecs.register_error(ERRORS, in_plain_characters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for the characters that an encoding lacks, and where to go on: a codec's error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    # A lone surrogate stands for a byte of a file's name that is not UTF-8.
    return "".join(PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking), error.end
