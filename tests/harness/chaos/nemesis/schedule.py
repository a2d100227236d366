"""Schedules faults: a seed, a duration and the faults to choose from in; which is injected when, out."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

FIRST_S = 2.0
PAUSE_S = (3.0, 5.0)
"""The least and the most time between the end of a fault and the next one: about what recovering takes."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault by its name, to be injected `at_s` after the start; `draw` seeds what is drawn, such as the target."""

    at_s: float
    name: str
    draw: int


def schedule(seed: int, seconds: float, lasts_s: Mapping[str, float]) -> tuple[Planned, ...]:
    """Return the faults to be injected within `seconds`, the same for the same arguments.

    `lasts_s` says how long each fault lasts. Each happens once before any happens again, as far as the time allows.
    """
    random = Random(seed)
    planned: list[Planned] = []
    deck: list[str] = []
    at_s = FIRST_S
    while True:
        if not deck:
            deck = sorted(lasts_s)
            random.shuffle(deck)
        name = deck.pop()
        draw, pause_s = random.getrandbits(32), random.uniform(*PAUSE_S)
        if at_s + lasts_s[name] > seconds:
            return tuple(planned)
        planned.append(Planned(round(at_s, 1), name, draw))
        at_s += lasts_s[name] + pause_s
