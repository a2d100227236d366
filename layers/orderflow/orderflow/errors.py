"""The errors that cross module borders."""


class OrderflowError(Exception):
    """Base of every error that this project raises on purpose."""


class RejectedError(OrderflowError):
    """The order can never succeed; it fails with this message as the reason that its client reads."""


class RetryableError(OrderflowError):
    """Something that the work depends on is unavailable or busy; the same work may succeed later."""


class LoginRefusedError(RetryableError):
    """A server refuses the login: the password was changed, and is wrong until the secret or the setting is right."""


class UnknownStatusError(RetryableError):
    """An order has a status that only newer code knows, which is being deployed; that code takes the order on."""


class OverloadedError(RetryableError):
    """More is under way than a limit allows. `limit` is the setting's name, `where` the part that exceeds it."""

    def __init__(self, limit: str, where: str) -> None:
        super().__init__(f"{where} is beyond {limit}")
        self.limit = limit
        self.where = where


class NoDeadLetterError(RejectedError):
    """There is no such dead letter, or it was redriven or discarded meanwhile."""


class NoReaderError(RejectedError):
    """The function that gave a record up does not read its stream: it would be lost there."""


class OrderEndedError(RejectedError):
    """An order has ended, with this `status` at this `sequence`, and no message changes it any more."""

    def __init__(self, reason: str, status: str, sequence: int) -> None:
        super().__init__(reason)
        self.status = status
        self.sequence = sequence


class NoRouteError(RejectedError):
    """No pool of any venue can take this order."""


class UnansweredError(RejectedError):
    """No pool can take this order of those venues that answered in time; another venue's might."""

    def __init__(self, reason: str, unanswered: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.unanswered = unanswered


class PoolNotOpenError(RejectedError):
    """A pool is not open yet, or not any more."""

    reason = "pool is not open"

    def __init__(self) -> None:
        super().__init__(self.reason)


class PoolClosedError(PoolNotOpenError):
    """A pool has closed, and never opens again."""

    reason = "pool closed"


class ZeroOutputError(RejectedError):
    """The amount is so small that the swap would yield nothing."""


class InsufficientLiquidityError(RejectedError):
    """The pool does not hold the atoms that the swap would take out."""


class ReserveOverflowError(InsufficientLiquidityError):
    """A reserve would be more than a token account can hold, which is 2⁶⁴ − 1 atoms."""


class IllegalTransitionError(OrderflowError):
    """A status was asked to follow one that it may not follow."""


class ConfigurationError(OrderflowError):
    """A setting is missing or can't be used; the message names it."""
