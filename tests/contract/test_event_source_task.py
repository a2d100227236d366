"""The template's Fargate service against the program that runs in it, and against the functions' stream bindings."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from local.template import read_document, read_template
from orderflow.adapters.stream_lag import PartitionLag, StreamLag
from orderflow.api_keys.__main__ import make_parser
from orderflow.event_source import lag
from orderflow.event_source.__main__ import INVOCATION_S
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.settings import Binding, EventSourceSettings
from orderflow.migrate.logins import KINDS, Kind
from tests.support.cloudformation import Stack

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
FULL = Stack(read_document(ROOT / "template.yaml"), {"EventSourceImage": "image", "MigrationImage": "image"})
TASKS = FULL.of_type("AWS::ECS::TaskDefinition")
(CONTAINER,) = TASKS["EventSourceTask"]["ContainerDefinitions"]
(MIGRATION,) = TASKS["MigrationTask"]["ContainerDefinitions"]
(KEYS,) = TASKS["KeysTask"]["ContainerDefinitions"]

# What a program's libraries and loggers read besides its settings.
READ_BESIDES = {"VENUE", "LOG_LEVEL", "LOG_FORMAT", "POWERTOOLS_METRICS_NAMESPACE", "AWS_DEFAULT_REGION"}
# Those whose defaults are AWS.
LEFT_OUT = {"LAMBDA_ENDPOINT"}


def environment(container: dict[str, Any]) -> dict[str, Any]:
    return {variable["Name"]: variable["Value"] for variable in container["Environment"]}


def bindings() -> list[Binding]:
    return EventSourceSettings(event_sources=environment(CONTAINER)["EVENT_SOURCES"]["Fn::Sub"]).bindings


def test_the_event_source_reads_the_streams_that_the_functions_declare() -> None:
    read = [
        EventSourceMapping(**{field: getattr(each, field) for field in EventSourceMapping.__struct_fields__})
        for each in bindings()
    ]

    assert read == list(TEMPLATE.event_sources)


def test_each_binding_is_invoked_by_the_name_of_its_function() -> None:
    names = {each.function: each.function_name for each in bindings()}

    assert names == {
        function.name: f"${{{function.logical_id}}}" for function in TEMPLATE.functions if function.event_source
    }


def test_the_event_source_is_given_the_settings_that_it_reads() -> None:
    fields = {field.upper() for field in EventSourceSettings.__struct_fields__}

    assert environment(CONTAINER).keys() == (fields - LEFT_OUT) | READ_BESIDES


def test_the_event_source_and_the_functions_have_the_same_redis() -> None:
    theirs, ours = FULL.shared["Environment"]["Variables"], environment(CONTAINER)

    shared = ("REDIS_URL", "REDIS_SECRET_ID", "REDIS_CLUSTER", "REDIS_MIN_REPLICAS", "PARTITIONS")
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}


def test_the_migration_and_the_ledger_have_the_same_postgres() -> None:
    theirs = FULL.of_type("AWS::Serverless::Function")["RecordOrder"]["Environment"]["Variables"]
    ours = environment(MIGRATION)

    assert MIGRATION["Command"] == ["orderflow.migrate"]
    assert ours["DATABASE_URL"] == theirs["DATABASE_URL"]
    assert ours["DATABASE_SECRET_ID"] == {"Fn::GetAtt": "Database.MasterUserSecret.SecretArn"}


@pytest.mark.parametrize(
    ("kind", "functions"),
    [
        ("reader", {"ChangeOrders", "PublishReports", "ReadOrders", "WatchOrder"}),
        ("recorder", {"RecordOrder"}),
        ("authorizer", {"AuthorizeRequest"}),
    ],
)
def test_each_login_of_functions_is_one_that_the_migration_makes_and_the_proxy_knows(
    kind: Kind, functions: set[str]
) -> None:
    secret = {"Ref": f"{kind.title()}Login"}
    variables = {
        name: said.get("Environment", {}).get("Variables", {})
        for name, said in FULL.of_type("AWS::Serverless::Function").items()
    }
    (proxy,) = (said for name, said in FULL.of_type("AWS::RDS::DBProxy").items() if name == "DatabaseProxy")
    template = FULL.resources[secret["Ref"]]["Properties"]["GenerateSecretString"]["SecretStringTemplate"]

    assert {name for name, said in variables.items() if said.get("DATABASE_SECRET_ID") == secret} == functions
    assert environment(MIGRATION)[f"{kind.upper()}_SECRET_ID"] == secret
    assert secret in [each["SecretArn"] for each in proxy["Auth"]]
    assert msgspec.json.decode(template) == {"username": f"orderflow_{kind}"}


def test_the_command_for_keys_has_the_stores_and_sockets_of_the_functions_and_the_owner_s_login() -> None:
    functions = FULL.of_type("AWS::Serverless::Function")
    theirs = FULL.shared["Environment"]["Variables"] | functions["WatchOrder"]["Environment"]["Variables"]
    ours = environment(KEYS)

    shared = ("REDIS_URL", "REDIS_SECRET_ID", "REDIS_CLUSTER", "DATABASE_URL", "CONNECTIONS_ENDPOINT")
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
    assert ours["DATABASE_SECRET_ID"] == environment(MIGRATION)["DATABASE_SECRET_ID"]
    assert KEYS["Command"][0] == "orderflow.api_keys"


def test_the_command_that_makes_a_key_prints_it_into_no_log() -> None:
    said = FULL.outputs["KeysCommand"]["Value"]["Fn::Sub"][0]
    (overridden,) = msgspec.json.decode(re.findall(r"--overrides '(.*)'", said)[0])["containerOverrides"]
    module, *words = overridden["command"]

    arguments = make_parser().parse_args([word.replace("NAME", "alpha") for word in words])

    assert (module, overridden["name"]) == (KEYS["Command"][0], KEYS["Name"])
    assert (arguments.action, arguments.account) == ("add", "alpha")
    assert arguments.to_secret == "${AWS::StackName}/keys/alpha"  # which the task's role may write


def test_with_a_given_database_functions_log_in_as_its_secret_says_and_no_role_is_made() -> None:
    given = {"DatabaseUrl": "postgresql://db/ledger", "DatabaseSecretArn": "arn:aws:secret", "MigrationImage": "image"}
    stack = Stack(read_document(ROOT / "template.yaml"), given)
    (migration,) = stack.of_type("AWS::ECS::TaskDefinition")["MigrationTask"]["ContainerDefinitions"]

    named = {
        said["Environment"]["Variables"]["DATABASE_SECRET_ID"]
        for said in stack.of_type("AWS::Serverless::Function").values()
        if "DATABASE_SECRET_ID" in said.get("Environment", {}).get("Variables", {})
    }

    assert named == {"arn:aws:secret"}
    assert {environment(migration)[f"{kind.upper()}_SECRET_ID"] for kind in KINDS} == {""}


def test_a_task_that_is_asked_to_stop_has_the_time_to_finish_its_batches() -> None:
    longest_s = max(function.timeout_s for function in TEMPLATE.functions if function.event_source)

    assert longest_s < INVOCATION_S < CONTAINER["StopTimeout"] <= 120  # Fargate's own limit


def test_the_health_check_asks_where_the_program_answers() -> None:
    *_, program, port = CONTAINER["HealthCheck"]["Command"]

    assert port == environment(CONTAINER)["HEALTH_PORT"]
    assert (ROOT / "local/run" / Path(program).name).exists()
    assert f"COPY local/run/healthy.py {program}" in (ROOT / "local/Dockerfile").read_text(encoding="utf-8")


@pytest.fixture
def published(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names of the metrics that the event source writes with its name as the only dimension."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow/test")
    lag.publish([PartitionLag([StreamLag("route", 1, 1)], timers=1, dead_letters=1)])
    lines = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    directives = [(line, directive) for line in lines for directive in line["_aws"]["CloudWatchMetrics"]]
    return {
        metric["Name"]
        for line, directive in directives
        if directive["Dimensions"] == [["service"]] and line["service"] == "event_source"
        for metric in directive["Metrics"]
    }


def test_alarms_and_autoscaling_go_by_metrics_that_are_written(published: set[str]) -> None:
    own = environment(CONTAINER)["POWERTOOLS_METRICS_NAMESPACE"]
    (policy,) = FULL.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    followed = [
        policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"],
        *(said for said in FULL.of_type("AWS::CloudWatch::Alarm").values() if said.get("Namespace") == own),
    ]

    assert own == FULL.shared["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
    assert {said["MetricName"] for said in followed} == {"lag", "age_ms", "dead_letters"} <= published
    assert all(said["Namespace"] == own for said in followed)
    assert all(said["Dimensions"] == [{"Name": "service", "Value": lag.SERVICE}] for said in followed)


def test_more_tasks_are_wanted_before_the_door_closes() -> None:
    (policy,) = FULL.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    alarm = FULL.resources["LagAlarm"]["Properties"]

    wanted_from = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
    assert wanted_from < alarm["Threshold"] < int(FULL.parameters["MaxLag"])
