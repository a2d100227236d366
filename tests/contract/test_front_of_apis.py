"""What stands in front of both APIs on AWS: names of one's own, CloudFront for a web ACL, and no way around them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from functions.authorize_request.front import SECRET, VIEWER
from local.template import read_document, read_template
from tests.support.cloudformation import Stack

ROOT = Path(__file__).parents[2]
DOCUMENT = read_document(ROOT / "template.yaml")
TEMPLATE = read_template(ROOT / "template.yaml")
ACL = {"WebAclArn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/ours/1"}
NAMES = {"ApiDomainName": "api.example.com", "WebSocketDomainName": "sockets.example.com"}
BEHIND_APIS = ["AuthorizeRequest"] + [
    function.logical_id for function in TEMPLATE.functions if function.http_routes or function.websocket_routes
]


def disabled(stack: Stack) -> dict[str, bool]:
    """Return by API whether its execute-api endpoint is disabled."""
    apis = ("HttpApi", "WebSocketApi")
    return {name: stack.resources[name]["Properties"]["DisableExecuteApiEndpoint"] for name in apis}


def senders(stack: Stack) -> set[str]:
    """Return where the functions that send to sockets find /@connections."""
    variables = [
        said.get("Environment", {}).get("Variables", {}) for said in stack.of_type("AWS::Serverless::Function").values()
    ]
    return {str(said["CONNECTIONS_ENDPOINT"]["Fn::Sub"]) for said in variables if "CONNECTIONS_ENDPOINT" in said}


@pytest.mark.parametrize(
    ("given", "http", "sockets"),
    [
        ({}, False, False),
        ({"ApiDomainName": "api.example.com"}, True, False),
        (NAMES, True, True),
        # CloudFront itself comes by these endpoints.
        (ACL | {"ApiDomainName": "api.example.com"}, False, False),
    ],
)
def test_an_api_with_a_name_is_not_reached_by_another(given: dict[str, str], http: bool, sockets: bool) -> None:
    stack = Stack(DOCUMENT, given)

    assert disabled(stack) == {"HttpApi": http, "WebSocketApi": sockets}
    assert len(stack.of_type("AWS::ApiGatewayV2::DomainName")) == http + sockets
    assert len(stack.of_type("AWS::ApiGatewayV2::ApiMapping")) == http + sockets


def test_statuses_are_sent_by_the_endpoint_that_is_open() -> None:
    assert senders(Stack(DOCUMENT, NAMES)) == {"https://${WebSocketName}"}
    for given in ({}, ACL):
        (endpoint,) = senders(Stack(DOCUMENT, given))
        assert endpoint.startswith("https://${WebSocketApi}.execute-api.")


@pytest.mark.parametrize(
    ("given", "socket_url"),
    [
        ({}, {"Fn::Sub": DOCUMENT["Outputs"]["WebSocketUrl"]["Value"]["Fn::If"][2]["Fn::If"][2]["Fn::Sub"]}),
        (NAMES, {"Fn::Sub": "wss://${WebSocketName}"}),
        (ACL, {"Fn::Sub": "/${WebSocketStage}"}),
        ({"ConnectionsEndpoint": "http://gateway", "ConnectionsSecret": "s"}, ""),
    ],
)
def test_the_desk_opens_its_socket_where_sockets_are(given: dict[str, str], socket_url: Any) -> None:
    desk = Stack(DOCUMENT, given).of_type("AWS::Serverless::Function")["ServeDesk"]

    assert desk["Environment"]["Variables"]["SOCKET_URL"] == socket_url


def front_of(stack: Stack) -> dict[str, Any]:
    (front,) = stack.of_type("AWS::CloudFront::Distribution").values()
    return dict(front["DistributionConfig"])


def test_cloudfront_is_there_for_a_web_acl_alone_and_leads_to_both_apis() -> None:
    assert Stack(DOCUMENT, NAMES).of_type("AWS::CloudFront") == {}
    front = front_of(Stack(DOCUMENT, ACL))
    stage = DOCUMENT["Resources"]["WebSocketStage"]["Properties"]["StageName"]

    apis = {origin["Id"]: origin["DomainName"]["Fn::Sub"].partition(".")[0] for origin in front["Origins"]}

    assert front["WebACLId"] == ACL["WebAclArn"]
    assert apis == {"http": "${HttpApi}", "sockets": "${WebSocketApi}"}
    assert front["DefaultCacheBehavior"]["TargetOriginId"] == "http"
    assert [(each["PathPattern"], each["TargetOriginId"]) for each in front["CacheBehaviors"]] == [
        (f"/{stage}", "sockets")
    ]
    assert f"/{stage}" not in {route.path for function in TEMPLATE.functions for route in function.http_routes}


def test_cloudfront_says_by_a_secret_that_it_was_it_and_whom_it_has_seen() -> None:
    stack = Stack(DOCUMENT, ACL)
    front = front_of(stack)
    (function,) = stack.of_type("AWS::CloudFront::Function").values()
    authorizer = stack.of_type("AWS::Serverless::Function")["AuthorizeRequest"]["Environment"]["Variables"]

    for origin in front["Origins"]:
        (header,) = origin["OriginCustomHeaders"]
        assert header["HeaderName"] == SECRET
        assert "${FrontSecret}:SecretString:secret}}" in header["HeaderValue"]["Fn::Sub"]
        assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert authorizer["FRONT_SECRET_ID"] == {"Ref": "FrontSecret"}
    assert f'headers["{VIEWER}"] = {{value: event.viewer.ip}}' in function["FunctionCode"]
    for behavior in (front["DefaultCacheBehavior"], *front["CacheBehaviors"]):
        (association,) = behavior["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"
        assert behavior["ViewerProtocolPolicy"] == "https-only"


def test_cloudfront_keeps_nothing_of_one_caller_for_another() -> None:
    front = front_of(Stack(DOCUMENT, ACL))

    behaviors = [front["DefaultCacheBehavior"], *front["CacheBehaviors"]]
    assert {each["CachePolicyId"] for each in behaviors} == {"4135ea2d-6df8-44a3-9df3-4b5a84be39ad"}, "CachingDisabled"
    # All the statuses that CloudFront keeps by itself.
    assert {each["ErrorCode"] for each in front["CustomErrorResponses"]} == {
        *(400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
    }
    assert {each["ErrorCachingMinTTL"] for each in front["CustomErrorResponses"]} == {0}


def test_in_production_each_of_them_is() -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))["prod"]["deploy"]["parameters"]
    given = dict(each.split("=", 1) for each in configured["parameter_overrides"])
    functions = Stack(DOCUMENT, given).of_type("AWS::Serverless::Function")

    reserved = {name: int(functions[name]["ReservedConcurrentExecutions"]) for name in BEHIND_APIS}
    stages = int(given["Partitions"]) * 9 + 2
    assert sum(reserved.values()) + max(stages, 100) < 1_000, "of an account's usual 1,000, 100 can't be reserved"


@pytest.mark.parametrize("function", BEHIND_APIS)
def test_each_function_behind_an_api_can_be_kept_from_taking_the_stages_instances(function: str) -> None:
    said = DOCUMENT["Resources"][function]["Properties"]["ReservedConcurrentExecutions"]["Fn::If"]
    parameter = said[1]["Ref"]

    assert said[2] == {"Ref": "AWS::NoValue"}
    assert DOCUMENT["Parameters"][parameter]["Default"] == 0, "of a new account's ten instances none can be reserved"
    for given, reserved in (("0", None), ("7", "7")):
        functions = Stack(DOCUMENT, {parameter: given}).of_type("AWS::Serverless::Function")
        assert functions[function].get("ReservedConcurrentExecutions") == reserved
