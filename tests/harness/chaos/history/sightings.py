"""What a watcher saw of one order on its sockets."""

from dataclasses import dataclass, field

from local.client.status_socket import TERMINAL_STATUSES


@dataclass(slots=True)
class Sightings:
    """The sequence numbers that a watcher received of one order, by connection and as they came, and the last status.

    `statuses` has the status of each sequence number, and `first_seen_s` when it came first, in seconds since 1970.
    `asked_again` counts how often the watcher had to repeat a subscription on a connection; `problems` are answers
    that it should not have got.
    """

    order_id: str
    connections: list[list[int]] = field(default_factory=list)
    status: str = ""
    asked_again: int = 0
    problems: list[str] = field(default_factory=list)
    statuses: dict[int, str] = field(default_factory=dict)
    first_seen_s: dict[int, float] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the watcher has seen the order's end."""
        return self.status in TERMINAL_STATUSES

    def note(self, sequence: int, status: str, at_s: float) -> None:
        """Note a status that came on the latest connection; one that is not what came before under its number, too."""
        self.connections[-1].append(sequence)
        self.status = status
        self.first_seen_s.setdefault(sequence, at_s)
        if self.statuses.setdefault(sequence, status) != status:
            self.problems.append(f"received {sequence} as {self.statuses[sequence]} and as {status}")

    def open_since_s(self) -> float | None:
        """Return when the watcher knew first that the order rests, in seconds since 1970; None if it never did."""
        return next((self.first_seen_s[number] for number, name in self.statuses.items() if name == "open"), None)
