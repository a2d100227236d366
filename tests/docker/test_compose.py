"""What compose.yaml promises besides the API: contained services, AWS's secrets and settings, orders that last."""

import json
from urllib.request import urlopen

import pytest

from local.errors import StartError
from local.run.listeners import listen
from tests.support.compose_project import PASSWORD, Project
from tests.support.placed_orders import place_many
from tests.support.waiting import eventually

OURS = ("gateway", "event-source", "migration")
SERVICES = ("redis", "postgres", "localstack", "gateway", "event-source")
COMEBACK_S = 90.0


def test_only_the_gateway_is_reached_from_outside_and_from_this_machine_alone(project: Project) -> None:
    published = {
        service: [binding for bindings in container["HostConfig"]["PortBindings"].values() for binding in bindings]
        for service in SERVICES
        for container in project.containers(service)
    }

    audited = {"redis", "postgres"}  # on ports of this test's own
    assert {service for service, bindings in published.items() if bindings} - audited == {"gateway"}
    assert [binding["HostIp"] for binding in published["gateway"]] == ["127.0.0.1"]


def test_every_service_is_watched_and_started_again(project: Project) -> None:
    for service in SERVICES:
        for container in project.containers(service):
            assert container["State"]["Health"]["Status"] == "healthy", service
            assert container["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped", service


def test_our_processes_are_nobody_and_can_write_nowhere(project: Project) -> None:
    for service in OURS:
        for container in project.containers(service):
            assert container["Config"]["User"] == "65532:65532"
            assert container["HostConfig"]["ReadonlyRootfs"]
            assert container["HostConfig"]["CapDrop"] == ["ALL"]
    [gateway] = project.containers("gateway")
    said = project.inside(gateway, "sh", "-c", "id -u; touch /app/x || echo read-only")
    assert said.split() == ["65532", "read-only"]


def test_redis_and_postgres_are_not_root(project: Project) -> None:
    for service in ("redis", "postgres"):
        [container] = project.containers(service)
        assert project.inside(container, "id", "-u").strip() not in ("", "0")


def test_the_password_and_the_settings_are_in_aws_not_in_the_environment(project: Project) -> None:
    for service in OURS:
        for container in project.containers(service):
            environment = "\n".join(container["Config"]["Env"])
            assert PASSWORD not in environment
            for setting in ("DATABASE_URL=", "REDIS_URL=", "SPEED=", "PARTITIONS="):
                assert setting not in environment
            assert "SETTINGS_PATH=/orderflow/compose" in environment
            assert "AWS_ENDPOINT_URL=http://localstack:4566" in environment


def test_an_answer_says_which_orderflow_gave_it(project: Project) -> None:
    with urlopen(f"{project.url}/health") as answer:
        assert answer.headers["Server"] == "orderflow (docker compose)"


def test_make_run_says_that_compose_has_its_port(project: Project) -> None:
    with pytest.raises(StartError, match="^Port .*\nAn Orderflow that was started by docker compose has it; choose"):
        listen("127.0.0.1", project.port, "make run PORT=3001")


def test_metrics_go_out_as_embedded_metric_lines(project: Project) -> None:
    before = project.ended()
    place_many(project.url, 2)
    eventually(lambda: project.ended() == before + 2, COMEBACK_S)

    lines = [line for line in project.logs("event-source").splitlines() if '{"_aws":' in line]
    metrics = [json.loads(line[line.index("{") :]) for line in lines]  # compose has put control characters before it

    stages = {"route_order", "build_order", "submit_order", "confirm_order", "produce_block", "record_order"}
    assert stages <= {metric["service"] for metric in metrics}
    assert {metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] for metric in metrics} == {"Orderflow"}


@pytest.mark.parametrize("victim", SERVICES)
def test_a_crash_in_the_middle_of_100_orders_loses_and_doubles_nothing(project: Project, victim: str) -> None:
    before, restarts = project.ended(), project.restarts(victim)
    placed = place_many(project.url, 100)

    project.crash(victim)

    eventually(lambda: project.restarts(victim) == restarts + 1, COMEBACK_S)
    eventually(lambda: all(map(project.is_healthy, SERVICES)), COMEBACK_S)
    eventually(lambda: project.ended() == before + 100, COMEBACK_S)
    assert project.audit(placed) == []


def test_the_rest_goes_on_while_secrets_and_settings_are_unavailable(project: Project) -> None:
    before = project.ended()

    project.run("stop", "--timeout", "1", "localstack")
    placed = place_many(project.url, 20)
    eventually(lambda: project.ended() == before + 20, COMEBACK_S)
    project.run("start", "localstack")

    assert project.audit(placed) == []


def test_taken_down_and_brought_up_in_the_middle_of_100_orders_it_goes_on(project: Project) -> None:
    before = project.ended()
    placed = place_many(project.url, 100)

    project.run("down")
    project.up("--no-build")

    eventually(lambda: project.ended() == before + 100, COMEBACK_S)
    assert project.audit(placed) == []
