"""Metrics as tests look at them: what was recorded in this process, and what a scrape says."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orderflow.runtime import observability
from orderflow.runtime.observability import record_in

Series = tuple[str, frozenset[tuple[str, str]]]


class Kept:
    """A recorder that keeps every value, by the metric's name and labels."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], list[float]] = {}

    def record(self, name: str, labels: tuple[str, ...], value: float) -> None:
        self.values.setdefault((name, *labels), []).append(value)

    def sums(self, *names: str) -> dict[tuple[str, ...], float]:
        """Return the sums of the metrics of these names, by name and labels."""
        return {labels: sum(values) for labels, values in self.values.items() if labels[0] in names}


@contextmanager
def kept_metrics() -> Iterator[Kept]:
    """Lend what this process records meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observability, "_recorders", [])
        kept = Kept()
        record_in(kept)
        yield kept


class Scraped:
    """What a scrape has said: its samples, by name and labels."""

    def __init__(self, text: str) -> None:
        described = re.findall("^# TYPE ([^ ]+)", text, re.M)
        assert [name for name, times in Counter(described).items() if times > 1] == []
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        samples = [sample for family in self.families.values() for sample in family.samples]
        keys: list[Series] = [(sample.name, frozenset(sample.labels.items())) for sample in samples]
        assert [key for key, times in Counter(keys).items() if times > 1] == []
        self._values = {key: float(sample.value) for key, sample in zip(keys, samples, strict=True)}

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value, or None when there is no sample with exactly these labels."""
        return self._values.get((name, frozenset(labels.items())))

    def by(self, name: str, label: str, **labels: str) -> Mapping[str, float]:
        """Return the sums of samples that have these labels, by another label."""
        sums: dict[str, float] = {}
        for (sample, pairs), value in self._values.items():
            of = dict(pairs)
            if sample == name and labels.items() <= of.items():
                sums[of[label]] = sums.get(of[label], 0) + value
        return sums
