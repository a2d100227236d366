"""The errors that cross module borders."""


class OrderflowError(Exception):
    """Base of every error that this project raises on purpose."""


class RejectedError(OrderflowError):
    """The order can never succeed; it fails with this message as the reason its owner reads."""


class RetryableError(OrderflowError):
    """Something the work depends on is away or busy; the same work may succeed later."""


class LoginRefusedError(RetryableError):
    """A server refuses the login: the password is another, for a while or until somebody corrects it."""


class UnknownStatusError(RetryableError):
    """An order has a status that only newer code knows, which is being deployed; that code takes the order on."""


class OverloadedError(RetryableError):
    """More is under way than this may carry. `limit` names the measure, `where` what is beyond it."""

    def __init__(self, limit: str, where: str) -> None:
        super().__init__(f"{where} is beyond {limit}")
        self.limit = limit
        self.where = where


class NoRouteError(RejectedError):
    """No pool of any venue can take this order."""


class ZeroOutputError(RejectedError):
    """The amount is so small that the swap would yield nothing."""


class InsufficientLiquidityError(RejectedError):
    """The pool does not hold what the swap asks of it."""


class ReserveOverflowError(InsufficientLiquidityError):
    """A reserve would be more than a token account can hold, which is 2⁶⁴ − 1 atoms."""


class IllegalTransitionError(OrderflowError):
    """A status was asked to follow one that it may not follow."""


class ConfigurationError(OrderflowError):
    """A setting is missing or can't be used; the message names it."""
