"""What a deployment makes, by its parameters: all that it needs, or only what is not given."""

import itertools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.template import read_document
from tests.support.cloudformation import Stack, references

ROOT = Path(__file__).parents[2]
DOCUMENT = read_document(ROOT / "template.yaml")
PARAMETERS: dict[str, dict[str, Any]] = DOCUMENT["Parameters"]
CONFIGURATION = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))

IMAGES = {"EventSourceImage": "registry.example/event-source:1", "MigrationImage": "registry.example/local:1"}
LOCALSTACK_DEPLOYMENT = (ROOT / "local/localstack/deploy.sh").read_text(encoding="utf-8")
# What LocalStack's free edition lacks, and nobody wants on a machine of his own.
OF_A_CLOUD = (
    "AWS::EC2",
    "AWS::ECS",
    "AWS::ElastiCache",
    "AWS::RDS",
    "AWS::ApplicationAutoScaling",
    "AWS::SecretsManager",
    "AWS::CloudFront",
)
GATEWAYS = ("AWS::ApiGatewayV2", "AWS::Serverless::HttpApi")


def overrides(environment: str, command: str) -> dict[str, str]:
    """Return the parameters that samconfig.toml gives to a command."""
    listed = CONFIGURATION[environment].get(command, {}).get("parameters", {}).get("parameter_overrides", [])
    return dict(item.split("=", 1) for item in listed)


def overrides_in(script: str) -> dict[str, str]:
    """Return the parameters that a shell script gives to `sam deploy`."""
    configuration = tomllib.loads(script.partition("<<TOML\n")[2].partition("\nTOML\n")[0])
    return dict(each.split("=", 1) for each in configuration["default"]["deploy"]["parameters"]["parameter_overrides"])


LOCALSTACK = overrides_in(LOCALSTACK_DEPLOYMENT)
CONFIGURED = {
    f"{environment} {command}": given
    for environment, commands in CONFIGURATION.items()
    if isinstance(commands, dict)
    for command in commands
    if (given := overrides(environment, command))
}
LOCAL = {name: given for name, given in CONFIGURED.items() if " local_" in name}

every_configuration = pytest.mark.parametrize("given", CONFIGURED.values(), ids=CONFIGURED.keys())
every_deployment = pytest.mark.parametrize("environment", ["dev", "prod"])


def deployed(environment: str) -> Stack:
    return Stack(DOCUMENT, overrides(environment, "deploy") | IMAGES)


def allowed(name: str, value: str) -> bool:
    said = PARAMETERS[name]
    if "AllowedValues" in said and value not in map(str, said["AllowedValues"]):
        return False
    if not re.search(said.get("AllowedPattern", ""), value):
        return False
    if said["Type"] != "Number":
        return True
    return float(said.get("MinValue", "-inf")) <= float(value) <= float(said.get("MaxValue", "inf"))


@every_configuration
def test_what_is_configured_is_a_parameter_and_allowed(given: Mapping[str, str]) -> None:
    assert not given.keys() - PARAMETERS.keys()
    assert [name for name, value in given.items() if not allowed(name, value)] == []


def test_every_default_is_allowed() -> None:
    defaults = {name: str(said["Default"]) for name, said in PARAMETERS.items() if "Default" in said}

    assert defaults.keys() == PARAMETERS.keys(), "a deployment must not have to ask"
    assert [name for name, value in defaults.items() if not allowed(name, value)] == []


def test_a_name_means_one_thing() -> None:
    sections = ("Parameters", "Mappings", "Conditions", "Resources")
    names = [name for section in sections for name in DOCUMENT[section]] + list(DOCUMENT["Outputs"])

    # CloudFormation wants parameters and resources to differ, a reader the others too.
    assert sorted(names) == sorted(set(names))


@every_deployment
def test_a_deployment_that_is_given_nothing_makes_all_that_it_needs(environment: str) -> None:
    types = {said["Type"] for said in deployed(environment).resources.values()}

    assert types >= {
        "AWS::Serverless::Function",
        "AWS::Serverless::HttpApi",
        "AWS::ApiGatewayV2::Api",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBProxy",
        "AWS::ECS::Service",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::EC2::VPC",
        "AWS::EC2::NatGateway",
        "AWS::CloudWatch::Alarm",
    }


@pytest.mark.parametrize("given", [*LOCAL.values(), LOCALSTACK], ids=[*LOCAL, "localstack"])
def test_where_redis_and_postgres_are_given_nothing_of_a_cloud_is_made(given: Mapping[str, str]) -> None:
    stack = Stack(DOCUMENT, given)

    assert stack.of_type(*OF_A_CLOUD) == {}
    assert "VpcConfig" not in stack.shared
    assert len(stack.of_type("AWS::Serverless::Function")) >= 7


def test_without_gateways_the_stages_remain_and_write_to_the_local_gateway() -> None:
    stack = Stack(DOCUMENT, LOCALSTACK)

    functions = stack.of_type("AWS::Serverless::Function")

    assert stack.of_type(*GATEWAYS) == {}
    assert functions.keys() == Stack(DOCUMENT, {}).of_type("AWS::Serverless::Function").keys() - {
        "AuthorizeRequest",
        "AcceptOrder",
        "ChangeOrders",
        "ReadOrders",
        "IssueTicket",
        "ServeDesk",
        "TendDeadLetters",
        "WatchOrder",
    }
    variables = functions["PublishStatus"]["Environment"]["Variables"]
    assert variables["CONNECTIONS_ENDPOINT"] == LOCALSTACK["ConnectionsEndpoint"]
    assert variables["CONNECTIONS_API"] == "local"
    assert variables["CONNECTIONS_SECRET"] == LOCALSTACK["ConnectionsSecret"]


def test_in_a_given_network_none_is_made_and_everything_is_in_it() -> None:
    stack = Stack(DOCUMENT, IMAGES | {"VpcId": "vpc-1", "SubnetIds": "subnet-a,subnet-b"})

    made = {said["Type"] for said in stack.resources.values() if said["Type"].startswith("AWS::EC2")}

    assert made == {f"AWS::EC2::SecurityGroup{kind}" for kind in ("", "Ingress", "Egress")}
    assert stack.shared["VpcConfig"]["SubnetIds"] == ["subnet-a", "subnet-b"]
    assert {group["VpcId"] for group in stack.of_type("AWS::EC2::SecurityGroup").values() if "VpcId" in group} == {
        "vpc-1"
    }


CHOICES: dict[str, list[dict[str, str]]] = {
    "redis": [{}, {"RedisUrl": "redis://r"}, {"RedisUrl": "rediss://r", "RedisSecretArn": "arn:aws:secret"}],
    "database": [{}, {"DatabaseUrl": "postgresql://db"}, {"DatabaseSecretArn": "arn:aws:secret"}],
    "network": [{}, {"VpcId": "vpc-1", "SubnetIds": "subnet-a,subnet-b"}],
    "gateways": [{}, {"WithGateways": "false", "NatGateways": "2"}],
    "sockets": [{}, {"ConnectionsEndpoint": "http://gateway"}],
    "event source": [{}, {"EventSourceImage": "image"}],
    "migration": [{}, {"MigrationImage": "image"}],
    "alarms": [{"AlarmEmail": "a@b.c", "RedisShards": "8"}, {"WithAlarms": "false", "ApiLogRole": "given"}],
    "names": [
        {},
        {"ApiDomainName": "api.example.com", "WebSocketDomainName": "sockets.example.com"},
        {"ApiDomainName": "api.example.com", "WebAclArn": "arn:aws:wafv2:us-east-1:1:global/webacl/ours/1"},
    ],
}


def test_whatever_is_chosen_nothing_refers_to_what_is_left_out() -> None:
    dangling: set[tuple[str, str]] = set()
    for chosen in itertools.product(*CHOICES.values()):
        stack = Stack(DOCUMENT, {name: value for choice in chosen for name, value in choice.items()})
        there = stack.resources.keys() | stack.parameters.keys()
        for name, said in [*stack.resources.items(), *stack.outputs.items(), ("Globals", stack.shared)]:
            dangling |= {(name, to) for to in references(said) if to not in there and not to.startswith("AWS::")}

    assert dangling == set()
