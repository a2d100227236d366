"""The comparison with another commit: runs alternate, and the ratios are of what was measured."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.harness.bench import against
from tests.harness.bench.against import NoSuchTreeError, Pair, compare, run_pairs, tree_of
from tests.harness.bench.report import BenchResult
from tests.harness.timings import Timings
from tests.support.bench_results import make_result

RESULT = make_result(
    accepted_per_s=200.0,
    end_to_end_per_s=100.0,
    post_to_202_ms=Timings.of([4.0]),
    post_to_confirmed_ms=Timings.of([]),
    processor_us_per_order={"gateway": 300.0, "bench": 40.0},
)


def fake_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_runs_alternate_and_each_is_first_in_every_other_pair() -> None:
    journal: list[str] = []

    def run(name: str) -> BenchResult:
        journal.append(name)
        return replace(RESULT, url=name)

    pairs = list(run_pairs(3, lambda: run("other"), lambda: run("this")))

    assert journal == ["other", "this", "this", "other", "other", "this"]
    assert [(pair.other.url, pair.this.url) for pair in pairs] == [("other", "this")] * 3


def test_a_figure_is_given_by_its_medians_their_ratio_and_that_of_each_pair() -> None:
    rates = [(100.0, 110.0), (200.0, 100.0), (90.0, 120.0)]
    pairs = [
        Pair(replace(RESULT, end_to_end_per_s=other), replace(RESULT, end_to_end_per_s=this)) for other, this in rates
    ]

    figures = {each.label: each for each in compare(pairs)}

    rate = figures["end-to-end orders per second"]
    assert (rate.other, rate.this, rate.ratio) == (100.0, 110.0, 1.1)
    assert rate.ratios == (1.1, 0.5, 120 / 90)
    assert figures["gateway, µs an order"].ratio == 1.0


def test_what_was_not_measured_and_the_bench_itself_are_left_out() -> None:
    labels = {each.label for each in compare([Pair(RESULT, RESULT)])}

    assert "→ confirmed, p50 ms" not in labels
    assert "bench, µs an order" not in labels
    assert {"POST → 202, p50 ms", "processor time, µs an order"} <= labels


def test_the_ratios_are_printed_beside_both_medians() -> None:
    output = io.StringIO()

    against.show(
        "v1", compare([Pair(RESULT, replace(RESULT, end_to_end_per_s=125.0))]), Console(file=output, width=120)
    )

    [line] = [line for line in output.getvalue().splitlines() if "end-to-end" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "end-to-end orders per second",
        "100.0",
        "125.0",
        "1.250",
        "1.250 – 1.250",
    ]


def test_the_files_of_a_commit_are_lent_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "archive.tar"
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    with tarfile.open(archive, "w") as files:
        files.add(tmp_path / "template.yaml", "template.yaml")
    fake_git(tmp_path, monkeypatch, f'[ "$*" = "archive --format=tar v1" ] && cat {archive}')

    with tree_of("v1", tmp_path) as tree:
        assert (tree / "template.yaml").read_text() == "Resources: {}\n"

    assert not tree.exists()


def test_a_commit_that_git_does_not_know_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path, monkeypatch, "echo 'fatal: not a valid object name' >&2; exit 128")

    with (
        pytest.raises(NoSuchTreeError, match=r"^v1 can't be measured against: fatal: not a valid object name$"),
        tree_of("v1", tmp_path),
    ):
        pass
