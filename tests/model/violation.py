"""What the model check raises when something that must hold does not."""


class ViolationError(AssertionError):
    """Something that must hold does not."""


def require(holds: object, what: str, *about: object) -> None:
    """Raise ViolationError, saying what must hold, and about what, unless it does."""
    if not holds:
        raise ViolationError("\n".join([what, *map(str, about)]))
