"""What all fakes have in common: each fails with its `error` while it has one."""


class Outage:
    """Makes a fake unavailable while it has an `error`.

    Beside this, a fake of an adapter is a subclass of the adapter: there is one of each, and a Protocol would repeat
    its methods for the tests alone. The type checker holds a fake to the real signatures, and what a real method makes
    only of other methods is not written again. One that reaches for a client fails: a fake has none.
    """

    error: Exception | None = None

    def _reach(self) -> None:
        if self.error:
            raise self.error
