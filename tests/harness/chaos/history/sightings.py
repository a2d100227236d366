"""What a watcher saw of one order on its sockets."""

from dataclasses import dataclass, field

from local.client.status_socket import TERMINAL_STATUSES


@dataclass(slots=True)
class Sightings:
    """The sequence numbers that a watcher received of one order, by connection and as they came, and the last status.

    `asked_again` counts how often the watcher had to repeat a subscription on a connection; `problems` are answers
    that it should not have got.
    """

    order_id: str
    connections: list[list[int]] = field(default_factory=list)
    status: str = ""
    asked_again: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether the watcher has seen the order's end."""
        return self.status in TERMINAL_STATUSES
