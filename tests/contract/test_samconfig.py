"""samconfig.toml against what `make services` and `local up` start; the event source against the template's limits."""

import tomllib
from typing import Any

import pytest

from local.settings import CONNECTIONS_PORT, ROOT, LocalSettings
from local.template import read_template
from orderflow.event_source.__main__ import INVOCATION_S

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))["default"]
SETTINGS = LocalSettings()
HOST = "host.docker.internal"

every_local_command = pytest.mark.parametrize("command", ["local_start_api", "local_start_lambda", "local_invoke"])


def parameters(command: str) -> dict[str, Any]:
    given: dict[str, Any] = CONFIG[command]["parameters"]
    return given


@every_local_command
def test_containers_find_the_servers_and_the_gateway_where_they_are_by_default(command: str) -> None:
    overrides = dict(each.split("=", 1) for each in parameters(command)["parameter_overrides"])

    assert overrides == {
        "RedisUrl": f"redis://{HOST}:{SETTINGS.redis_port}",
        "DatabaseUrl": f"postgresql://{HOST}:{SETTINGS.postgres_port}/orderflow",
        "ConnectionsEndpoint": f"http://{HOST}:{CONNECTIONS_PORT}",
        "Partitions": str(SETTINGS.partitions),
        "Docs": str(SETTINGS.docs).lower(),
    }
    assert parameters(command)["add_host"] == [f"{HOST}:host-gateway"]


def test_the_event_source_looks_for_lambda_where_sam_has_it() -> None:
    assert f"http://127.0.0.1:{parameters('local_start_lambda')['port']}" == SETTINGS.lambda_endpoint


def test_sams_http_api_leaves_the_gateway_its_port() -> None:
    assert parameters("local_start_api")["port"] not in (SETTINGS.port, parameters("local_start_lambda")["port"])


def test_the_event_source_waits_for_an_answer_longer_than_any_function_may_take() -> None:
    functions = read_template(ROOT / "template.yaml").functions

    assert max(function.timeout_s for function in functions if function.event_source) < INVOCATION_S
