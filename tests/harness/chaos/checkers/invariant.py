"""What a checker returns."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Invariant:
    """Something that the system promises: for how many things it was checked, and each violation in words."""

    text: str
    checked: int = 0
    violations: list[str] = field(default_factory=list)
