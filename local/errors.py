"""What may go wrong because a program of this machine lacks something; each message says what, and what to do."""

from orderflow.errors import OrderflowError


class StartError(OrderflowError):
    """A run can't be started: its home, a port or a setting is in the way."""


class ServerError(OrderflowError):
    """Redis or Postgres can't be used. The message says which, where and why, and never shows a password."""
