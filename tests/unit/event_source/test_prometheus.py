"""What a scrape is answered: what this process, or all that share a directory, have recorded, and what is measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from orderflow.event_source.prometheus import PrometheusRecorder
from orderflow.runtime.metrics import DIRECTORY, Distribution, Values
from tests.support.kept_metrics import Scraped

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
RECORDS = """
import os, sys
from orderflow.event_source.prometheus import PrometheusRecorder
recorder = PrometheusRecorder()
for _ in range(int(sys.argv[1])):
    recorder.record("records", ("route_order",), 2)
    recorder.record("elapsed", ("route_order",), 40)
if len(sys.argv) > 2:
    sys.stdout.buffer.write(recorder.expose([]).body)
    sys.stdout.flush()
os._exit(0)  # as one that is killed
"""


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> PrometheusRecorder:
    monkeypatch.delenv(DIRECTORY, raising=False)
    return PrometheusRecorder()


def scrape(recorder: PrometheusRecorder, *measured: Values) -> Scraped:
    return Scraped(recorder.expose(measured).body.decode())


def test_counts_add_up_and_times_are_seconds(recorder: PrometheusRecorder) -> None:
    recorder.record("refused", ("gateway", "MAX_LAG"), 1)
    recorder.record("refused", ("gateway", "MAX_LAG"), 4)
    recorder.record("elapsed", ("route_order",), 30)
    recorder.record("elapsed", ("route_order",), 400)

    scraped = scrape(recorder)

    assert scraped.value("orderflow_refused_total", service="gateway", reason="MAX_LAG") == 5
    assert scraped.value("orderflow_elapsed_seconds_count", service="route_order") == 2
    assert scraped.value("orderflow_elapsed_seconds_sum", service="route_order") == pytest.approx(0.43)
    assert scraped.value("orderflow_elapsed_seconds_bucket", service="route_order", le="0.05") == 1


def test_what_is_measured_is_shown_beside_that(recorder: PrometheusRecorder) -> None:
    ages = Values("age_ms", [(("p0", "route"), 1500), (("p1", "route"), 0)])

    scraped = scrape(recorder, ages, Values("slot", [((), 17)]), Values("frames", [(("in",), 3)]))

    assert scraped.by("orderflow_age_seconds", "partition") == {"p0": 1.5, "p1": 0}
    assert scraped.value("orderflow_slot") == 17
    assert scraped.value("orderflow_frames_total", direction="in") == 3
    assert scraped.families["orderflow_age_seconds"].documentation == "Age of a stream's oldest record"


def test_a_distribution_is_shown_as_the_librarys_own(recorder: PrometheusRecorder) -> None:
    own, seconds = Distribution(), [0.0005, 0.001, 0.0011, 0.3, 29.0, 30.0, 31.0]
    for each in seconds:
        own.observe(each)
        recorder.record("elapsed", ("route_order",), each * 1000)

    scraped = scrape(recorder, Values("request_ms", [(("GET", "/health", "200"), own)]))

    theirs, ours = (
        {(s.name.rpartition("_")[2], s.labels.get("le")): s.value for s in scraped.families[name].samples}
        for name in ("orderflow_elapsed_seconds", "orderflow_request_seconds")
    )
    assert ours == pytest.approx(theirs)
    assert ours["bucket", "0.001"] == 2


def test_a_scraper_that_takes_open_metrics_is_given_them(recorder: PrometheusRecorder) -> None:
    recorder.record("records", ("route_order",), 1)

    answer = recorder.expose([Values("slot", [((), 17)])], OPEN_METRICS)

    assert answer.content_type.startswith("application/openmetrics-text")
    families = text_string_to_metric_families(answer.body.decode())  # type: ignore[no-untyped-call] # it has no types
    names = {family.name for family in families}
    assert {"orderflow_records", "orderflow_slot"} <= names


def test_what_is_measured_can_not_be_recorded(recorder: PrometheusRecorder) -> None:
    with pytest.raises(ValueError, match="^lag is measured at a scrape, and can't be recorded$"):
        recorder.record("lag", ("p0", "route"), 1)


def test_processes_that_share_a_directory_are_shown_together_those_that_ended_too(tmp_path: Path) -> None:
    environment = os.environ | {DIRECTORY: str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-c", RECORDS, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    run("3")
    run("4")
    scraped = Scraped(run("0", "and show"))

    assert scraped.value("orderflow_records_total", service="route_order") == 14
    assert scraped.value("orderflow_elapsed_seconds_count", service="route_order") == 7
    assert scraped.families["orderflow_records"].documentation == "Records that functions were handed"


def test_a_process_that_is_started_again_goes_on_in_the_files_that_it_had(tmp_path: Path) -> None:
    environment = os.environ | {DIRECTORY: str(tmp_path)}
    program = RECORDS.replace("PrometheusRecorder()", 'PrometheusRecorder("poller-1")')
    (tmp_path / "counter_poller-1.db").touch()  # as one leaves it that is killed while it makes it

    shown = [
        subprocess.run(
            [sys.executable, "-c", program, "3", "shown"], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]

    counted = [Scraped(each).value("orderflow_records_total", service="route_order") for each in shown]
    assert counted == [6, 12]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_poller-1.db", "histogram_poller-1.db"]


def test_what_can_not_be_kept_is_lost_and_fails_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    program = """
from pathlib import Path
from orderflow.event_source.prometheus import PrometheusRecorder
recorder = PrometheusRecorder("poller-1")
recorder.record("records", ("route_order",), 2)
recorder.record("elapsed", ("route_order",), 2)
Path(DIRECTORY).mkdir()
recorder.record("records", ("route_order",), 3)
print(recorder.expose([]).body.decode())
""".replace("DIRECTORY", repr(str(directory)))

    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {DIRECTORY: str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )

    log, _, shown = ended.stdout.partition("#")
    assert log.count("metrics are not kept") == 1
    assert Scraped(f"#{shown}").value("orderflow_records_total", service="route_order") == 3
