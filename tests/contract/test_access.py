"""Who gets in: every route of both APIs has its authorizer but a named list, and all applications ask for a caller."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from local.template import FunctionTemplate, read_document, read_template
from orderflow.runtime.http.callers import CallerCheck
from tests.support.cloudformation import Stack

ROOT = Path(__file__).parents[2]
DOCUMENT = read_document(ROOT / "template.yaml")
TEMPLATE = read_template(ROOT / "template.yaml")
RESOURCES: dict[str, dict[str, Any]] = DOCUMENT["Resources"]
AUTHORIZER = "AuthorizeRequest"
ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/ours/1"
PUBLIC = {("GET", "/health"), ("GET", "/docs"), ("GET", "/docs/{name}"), ("GET", "/openapi.json")}
PUBLIC |= {(method, path) for method in ("GET", "HEAD") for path in ("/", "/desk/{version}/{name}")}
"""What anyone may ask: whether it runs, where that is switched on what it is, and the desk's page without its data."""
LONGEST_CACHE_S = 60
BEHIND_HTTP = [function for function in TEMPLATE.functions if function.http_routes]

every_http_function = pytest.mark.parametrize("function", BEHIND_HTTP, ids=lambda function: function.name)


def http_events() -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the template says of each route of the HTTP API."""
    return {
        (event["Properties"]["Method"], event["Properties"]["Path"]): event["Properties"]
        for resource in RESOURCES.values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
    }


def apis() -> dict[str, dict[str, Any]]:
    return {name: said for name, said in RESOURCES.items() if said["Type"] == "AWS::Serverless::HttpApi"}


def check_of(function: FunctionTemplate) -> dict[str, Any]:
    """Return what a function's application lets in, by what it was made with."""
    app = importlib.import_module(f"functions.{function.name}.app").app
    (check,) = (each.kwargs for each in app.user_middleware if each.cls is CallerCheck)
    return dict(check)


def is_public(path: str, public: list[str]) -> bool:
    return path in public or any(path.startswith(each) for each in public if each.endswith("/"))


def test_every_route_of_the_http_api_has_the_authorizer_but_the_named_ones() -> None:
    events = http_events()
    routes = {(route.method, route.path) for function in TEMPLATE.functions for route in function.http_routes}

    without = {route for route, said in events.items() if said.get("Auth") == {"Authorizer": "NONE"}}

    assert events.keys() == routes
    assert without == PUBLIC
    assert [route for route, said in events.items() if "Auth" in said and route not in PUBLIC] == []
    assert [said["ApiId"] for said in events.values()] == [{"Ref": name} for name in apis()] * len(events)


def test_the_http_api_has_one_authorizer_and_it_is_the_default() -> None:
    (api,) = apis().values()
    auth = api["Properties"]["Auth"]

    assert list(auth["Authorizers"]) == [auth["DefaultAuthorizer"]]
    (authorizer,) = auth["Authorizers"].values()
    assert authorizer["FunctionArn"] == {"Fn::GetAtt": f"{AUTHORIZER}.Arn"}
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["EnableFunctionDefaultPermissions"] is True, "API Gateway may not ask it else, and answers 500"


def test_an_answer_is_cached_by_all_that_decides_it_and_for_a_minute_at_most() -> None:
    (api,) = apis().values()
    (authorizer,) = api["Properties"]["Auth"]["Authorizers"].values()
    identity = authorizer["Identity"]

    # Lists of texts: SAM takes no others, and the SAM CLI's lint does not see it.
    assert identity["Headers"] == ["Authorization"]
    assert identity["Context"] == ["routeKey", "identity.sourceIp"]
    # A cache of nothing but what API Gateway sees would answer for all who come through one address of CloudFront's.
    for given, longest in (({}, LONGEST_CACHE_S), ({"WebAclArn": ACL}, 0)):
        assert 0 <= Stack(DOCUMENT, given).value(identity["ReauthorizeEvery"]) <= longest


def test_a_socket_is_let_in_by_the_authorizer_which_is_asked_each_time() -> None:
    routes = {name: said for name, said in RESOURCES.items() if said["Type"] == "AWS::ApiGatewayV2::Route"}
    by_key = {said["Properties"]["RouteKey"]: said["Properties"] for said in routes.values()}
    (name,) = (name for name, said in RESOURCES.items() if said["Type"] == "AWS::ApiGatewayV2::Authorizer")
    authorizer = RESOURCES[name]["Properties"]

    connect = by_key.pop("$connect")
    assert (connect["AuthorizationType"], connect["AuthorizerId"]) == ("CUSTOM", {"Ref": name})
    assert by_key.keys() == {"$disconnect", "$default"}, "API Gateway lets no others have one"
    assert authorizer["ApiId"] == connect["ApiId"]
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert f"functions/${{{AUTHORIZER}.Arn}}/invocations" in authorizer["AuthorizerUri"]["Fn::Sub"]
    assert "IdentitySource" not in authorizer, "a ticket comes without the header, a key without the query"
    assert "AuthorizerResultTtlInSeconds" not in authorizer
    permissions = [said["Properties"] for said in RESOURCES.values() if said["Type"] == "AWS::Lambda::Permission"]
    (permission,) = (said for said in permissions if said["FunctionName"] == {"Ref": AUTHORIZER})
    assert permission["SourceArn"]["Fn::Sub"].endswith(f"/authorizers/${{{name}}}")


@every_http_function
def test_an_application_says_for_each_of_its_routes_which_permission_it_takes(function: FunctionTemplate) -> None:
    check = check_of(function)

    asked = {(route.method, route.path) for route in function.http_routes}
    public = {(method, path) for method, path in asked if is_public(path, list(check["public"]))}
    assert public == asked & PUBLIC
    assert {method for method, _ in asked - public} == check["permissions"].keys()


def test_nothing_on_aws_is_open() -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    variables = {variable for function in TEMPLATE.functions for variable in function.environment}

    assert "AUTH" not in variables
    assert "AUTH" not in DOCUMENT["Parameters"]
    assert re.findall(r"\bAUTH\b", text) == []


def test_the_description_of_the_api_is_off_by_default() -> None:
    functions = Stack(DOCUMENT, {}).of_type("AWS::Serverless::Function")

    assert functions["ReadOrders"]["Environment"]["Variables"]["DOCS"] == "false"
