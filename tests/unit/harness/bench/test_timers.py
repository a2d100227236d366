"""How late timers are, from counts of what is overdue."""

from tests.harness.bench.timers import LATENESS_MS, Lateness, note


def counts(**by_ms: int) -> list[int]:
    return [by_ms.get(f"ms{ms}", 0) for ms in LATENESS_MS]


def test_looks_add_up_and_their_distance_counts_as_lateness() -> None:
    lateness = Lateness()

    for _ in range(100):
        note(lateness, 6, counts(ms5=2, ms10=1))
    note(lateness, 6, counts(ms5=1, ms10=1, ms15=1, ms20=1))

    assert lateness.at_most_ms(99, 10_000) == 15 + 6
    assert lateness.at_most_ms(99, 20_000) == 10 + 6
    assert lateness.at_most_ms(90, 10_000) == 5 + 6


def test_more_than_any_bound_is_no_figure() -> None:
    lateness = Lateness()

    note(lateness, 6, [50] * len(LATENESS_MS))

    assert lateness.at_most_ms(99, 100) is None
