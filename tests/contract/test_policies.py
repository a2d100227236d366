"""What each role may do and each network port lets through: what its code needs, and no more."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.template import read_document, read_template
from tests.support import lifecycle
from tests.support.cloudformation import Stack

ROOT = Path(__file__).parents[2]
DOCUMENT = read_document(ROOT / "template.yaml")
TEMPLATE = read_template(ROOT / "template.yaml")
ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/ours/1"
FULL = Stack(DOCUMENT, {"EventSourceImage": "image", "MigrationImage": "image", "WebAclArn": ACL})

READ_REDIS_LOGIN = ("secretsmanager:GetSecretValue", "RedisLogin")
READ_DATABASE_LOGIN = ("secretsmanager:GetSecretValue", "Database.MasterUserSecret.SecretArn")
READ_READER, READ_RECORDER, READ_AUTHORIZER = (
    ("secretsmanager:GetSecretValue", f"{kind}Login") for kind in ("Reader", "Recorder", "Authorizer")
)
DATABASE_LOGINS = {READ_READER, READ_RECORDER, READ_AUTHORIZER}
READ_FRONT_SECRET = ("secretsmanager:GetSecretValue", "FrontSecret")
WRITE_LOGS = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
SEND = (
    "execute-api:ManageConnections",
    "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:"
    "${WebSocketApi}/${WebSocketStage}/POST/@connections/*",
)
LOOK = (SEND[0], SEND[1].replace("/POST/", "/GET/"))
CLOSE = (SEND[0], SEND[1].replace("/POST/", "/DELETE/"))
HANDED_OVER = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${AWS::StackName}/keys/*"
IMAGES = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/*"
# Where a resource is a pattern, and why it can't be narrower.
PATTERNS = {
    SEND[1]: "a connection's id is known when it is there",
    LOOK[1]: "likewise",
    CLOSE[1]: "likewise",
    HANDED_OVER: "a secret is made for each key, and Secrets Manager adds six characters to its name",
    IMAGES: "the image is a parameter, whose repository CloudFormation can't take apart",
    "*": "ecr:GetAuthorizationToken knows no resource",
}
FUNCTIONS = {
    "AuthorizeRequest": {READ_REDIS_LOGIN, READ_AUTHORIZER, READ_FRONT_SECRET},
    "AcceptOrder": {READ_REDIS_LOGIN},
    "ChangeOrders": {READ_REDIS_LOGIN, READ_READER},
    "ReadOrders": {READ_REDIS_LOGIN, READ_READER},
    "IssueTicket": {READ_REDIS_LOGIN},
    "ServeDesk": set(),
    "TendDeadLetters": {READ_REDIS_LOGIN},
    "WatchOrder": {READ_REDIS_LOGIN, READ_READER, SEND, LOOK},
    **{TEMPLATE.function(stage.function).logical_id: {READ_REDIS_LOGIN} for stage in lifecycle.STAGES},
    **{TEMPLATE.function(function).logical_id: {READ_REDIS_LOGIN} for function in lifecycle.WAITING},
    "PublishStatus": {READ_REDIS_LOGIN, SEND},
    "RecordOrder": {READ_REDIS_LOGIN, READ_RECORDER},
    "PublishReports": {READ_REDIS_LOGIN, READ_READER, SEND},
    "ProduceBlock": {READ_REDIS_LOGIN},
}
# What all functions share names Redis' login for it too; it opens no Redis, and anyone may invoke it.
WITHOUT_SECRETS = {"ServeDesk"}
STAGES = [function.logical_id for function in TEMPLATE.functions if function.event_source]
ROLES = {
    "EventSourceRole": {READ_REDIS_LOGIN, *(("lambda:InvokeFunction", f"{stage}.Arn") for stage in STAGES)},
    "MigrationRole": {READ_DATABASE_LOGIN, *DATABASE_LOGINS},
    "KeysRole": {
        *(READ_REDIS_LOGIN, READ_DATABASE_LOGIN, SEND, CLOSE),
        ("secretsmanager:CreateSecret", HANDED_OVER),
        ("secretsmanager:PutSecretValue", HANDED_OVER),
    },
    "DatabaseProxyRole": {READ_DATABASE_LOGIN, *DATABASE_LOGINS},
    "ApiGatewayLogRole": {("AWS's own policy", WRITE_LOGS)},
    "TaskExecutionRole": {
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", IMAGES),
        ("ecr:BatchGetImage", IMAGES),
        ("ecr:GetDownloadUrlForLayer", IMAGES),
        ("logs:CreateLogStream", "EventSourceLogs.Arn"),
        ("logs:PutLogEvents", "EventSourceLogs.Arn"),
    },
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def resource_of(node: Any) -> str:
    """Return what stands in a statement's Resource as one text: a logical id, an attribute, or an ARN."""
    match node:
        case {"Ref": str(text)} | {"Fn::GetAtt": str(text)} | {"Fn::Sub": str(text)} | str(text):
            return text
    raise ValueError(f"no resource: {node}")


def granted_by(document: Any) -> Iterator[tuple[str, str]]:
    for statement in as_list(document["Statement"]):
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            yield from ((action, resource_of(resource)) for resource in as_list(statement["Resource"]))


def granted(properties: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (action, resource) for all that a function or role may do by policies of this template."""
    named = [*properties.get("Policies", []), *properties.get("ManagedPolicyArns", [])]
    of_aws = {("AWS's own policy", policy["Fn::Sub"]) for policy in named if "Fn::Sub" in policy}
    inline = [policy["PolicyDocument"] for policy in named if "PolicyDocument" in policy]
    managed = [FULL.resources[policy["Ref"]]["Properties"]["PolicyDocument"] for policy in named if "Ref" in policy]
    assert len(inline) + len(managed) + len(of_aws) == len(named)
    return of_aws | {grant for document in [*inline, *managed] for grant in granted_by(document)}


def test_a_function_may_do_exactly_what_it_does() -> None:
    functions = FULL.of_type("AWS::Serverless::Function")

    assert {name: granted(said) for name, said in functions.items()} == FUNCTIONS


def test_a_role_may_do_exactly_what_it_is_for() -> None:
    roles = FULL.of_type("AWS::IAM::Role")

    assert {name: granted(said) for name, said in roles.items()} == ROLES


@pytest.mark.parametrize(
    ("variable", "logins"),
    [
        ("REDIS_SECRET_ID", {READ_REDIS_LOGIN}),
        ("DATABASE_SECRET_ID", DATABASE_LOGINS),
        ("FRONT_SECRET_ID", {READ_FRONT_SECRET}),
    ],
)
def test_a_function_may_read_a_secret_only_if_its_environment_names_it(
    variable: str, logins: set[tuple[str, str]]
) -> None:
    named = {function.logical_id for function in TEMPLATE.functions if variable in function.environment}

    assert named - WITHOUT_SECRETS == {name for name, grants in FUNCTIONS.items() if logins & grants}


def test_only_few_resources_are_patterns() -> None:
    grants = {grant for grants in (*FUNCTIONS.values(), *ROLES.values()) for grant in grants}

    assert {resource for _, resource in grants if "*" in resource} == PATTERNS.keys()
    assert [action for action, _ in grants if "*" in action] == []


def values_in_environments(stack: Stack) -> list[str]:
    """Return what the environments of a stack's functions and tasks hold; each may have none of its own."""
    functions = [stack.shared, *stack.of_type("AWS::Serverless::Function").values()]
    tasks = [
        container
        for said in stack.of_type("AWS::ECS::TaskDefinition").values()
        for container in said["ContainerDefinitions"]
    ]
    values = [value for said in functions for value in said.get("Environment", {}).get("Variables", {}).values()]
    return [str(value) for value in values + [each["Value"] for said in tasks for each in said.get("Environment", [])]]


def logins(values: list[str]) -> list[str]:
    return [value for value in values if "resolve:" in value or "@" in value]


def test_no_login_stands_in_an_environment() -> None:
    values = values_in_environments(FULL)

    assert any("rediss://" in value for value in values)
    assert logins(values) == []


def test_a_login_is_found_wherever_it_stands_also_beside_what_has_no_environment_of_its_own() -> None:
    secret = "{{resolve:secretsmanager:Login}}"
    document = {
        "Parameters": {},
        "Conditions": {},
        "Outputs": {},
        "Globals": {"Function": {"Timeout": 5}},
        "Resources": {
            "Bare": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "bare.lambda_handler"}},
            "Own": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Environment": {"Variables": {"URL": "redis://me:secret@here"}}},
            },
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "ContainerDefinitions": [{"Name": "bare"}, {"Environment": [{"Name": "LOGIN", "Value": secret}]}]
                },
            },
        },
    }

    values = values_in_environments(Stack(document, {}))

    assert values == logins(values) == ["redis://me:secret@here", secret]


def test_nothing_is_open_to_the_world() -> None:
    rules = [
        rule
        for said in FULL.of_type("AWS::EC2::SecurityGroup").values()
        for rule in [*said.get("SecurityGroupIngress", []), *([said] if "SourceSecurityGroupId" in said else [])]
    ]

    assert {rule["FromPort"] for rule in rules} == {rule["ToPort"] for rule in rules} == {5432, 6379}
    assert all("SourceSecurityGroupId" in rule for rule in rules)
    assert not any(said["PubliclyAccessible"] for said in FULL.of_type("AWS::RDS::DBInstance").values())


def test_what_functions_may_reach_lets_them_in() -> None:
    def port_and_groups(said: dict[str, Any], own: str, other: str) -> tuple[int, str, str]:
        return said["FromPort"], said[own]["Ref"], said[other]["Ref"]

    reached = {
        port_and_groups(said, "GroupId", "DestinationSecurityGroupId")
        for said in FULL.of_type("AWS::EC2::SecurityGroupEgress").values()
    }
    let_in = {
        (rule["FromPort"], rule["SourceSecurityGroupId"]["Ref"], name)
        for name, said in FULL.of_type("AWS::EC2::SecurityGroup").items()
        for rule in said.get("SecurityGroupIngress", [])
    }

    assert reached == let_in
    assert {port for port, _, _ in reached} == {5432, 6379}


def test_whatever_keeps_orders_is_encrypted_and_leaves_a_snapshot() -> None:
    (redis,) = FULL.of_type("AWS::ElastiCache::ReplicationGroup").values()
    (database,) = FULL.of_type("AWS::RDS::DBInstance").values()
    (proxy,) = (said for name, said in FULL.of_type("AWS::RDS::DBProxy").items() if name == "DatabaseProxy")

    assert redis["AtRestEncryptionEnabled"] is True
    assert redis["TransitEncryptionMode"] == "required"
    assert database["StorageEncrypted"] is True
    assert proxy["RequireTLS"] is True
    for name in ("Redis", "Database"):
        assert {FULL.resources[name][policy] for policy in ("DeletionPolicy", "UpdateReplacePolicy")} == {"Snapshot"}


@pytest.mark.parametrize(
    ("parameter", "refused"),
    [
        ("RedisUrl", "redis://:secret@redis.example:6379"),
        ("RedisUrl", "rediss://me:secret@redis.example"),
        ("RedisUrl", "redis://redis.example?password=secret"),
        ("DatabaseUrl", "postgresql://me:secret@db.example/ledger"),
        ("DatabaseUrl", "postgresql://me@db.example/ledger"),
        ("DatabaseUrl", "postgres://db.example/ledger?password=secret"),
        ("DatabaseUrl", "postgres://db.example/ledger?sslmode=require&password=secret"),
    ],
)
def test_no_url_with_a_login_is_taken(parameter: str, refused: str) -> None:
    pattern = DOCUMENT["Parameters"][parameter]["AllowedPattern"]

    assert re.fullmatch(pattern, refused) is None


@pytest.mark.parametrize(
    ("parameter", "taken"),
    [
        ("RedisUrl", ""),
        ("RedisUrl", "rediss://redis.example:6379/0"),
        ("DatabaseUrl", ""),
        ("DatabaseUrl", "postgresql://db.example:5432/ledger?sslmode=verify-full&sslrootcert=/var/task/authority.pem"),
    ],
)
def test_a_url_without_one_is_taken(parameter: str, taken: str) -> None:
    assert re.fullmatch(DOCUMENT["Parameters"][parameter]["AllowedPattern"], taken)
