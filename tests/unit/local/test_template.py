"""local/template.py: what it makes of a template, and what it says of one that it can't use."""

from pathlib import Path

import pytest

from local.template import HttpRoute, Template, read_template
from orderflow.errors import ConfigurationError
from orderflow.event_source.mapping import EventSourceMapping

GLOBALS = """
Globals:
  Function:
    Timeout: 15
    Environment:
      Variables: {REDIS_URL: !Ref RedisUrl}
"""

ROUTE_ORDER = """
  RouteOrder:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/route_order
      Handler: functions.route_order.handler.lambda_handler
      Environment:
        Variables: {SEED: "1"}
    Metadata:
      EventSource: {Stream: route, BatchSize: 7}
      Produces: [build, status]
"""

WATCH_ORDER = """
  WatchIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      IntegrationUri: !Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${WatchOrder.Arn}/invocations
  ConnectRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {RouteKey: $connect, Target: !Sub "integrations/${WatchIntegration}"}
  DefaultRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {RouteKey: $default, Target: !Sub "integrations/${WatchIntegration}"}
  WatchOrder:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/watch_order/
      Handler: functions.watch_order.handler.lambda_handler
      Timeout: 10
      MemorySize: 1024
      Events:
        Read: {Type: HttpApi, Properties: {Method: GET, Path: "/api/orders/{order_id}"}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
"""


def read(directory: Path, resources: str, shared: str = GLOBALS) -> Template:
    path = directory / "template.yaml"
    path.write_text(f"{shared}\nResources:{resources}")
    return read_template(path)


def test_a_stage_has_its_stream_binding_and_the_defaults_of_a_mapping_for_the_rest(tmp_path: Path) -> None:
    template = read(tmp_path, ROUTE_ORDER)

    assert template.event_sources == (EventSourceMapping(function="route_order", stream="route", batch_size=7),)
    assert template.function("route_order").produces == ("build", "status")


def test_what_all_functions_share_is_merged_into_each(tmp_path: Path) -> None:
    function = read(tmp_path, ROUTE_ORDER).function("route_order")

    assert function.environment == {"REDIS_URL", "SEED"}
    assert function.timeout_s == 15
    assert function.memory_mb == 128


def test_every_key_of_the_binding_is_read(tmp_path: Path) -> None:
    binding = (
        "{Stream: transactions, Scope: chain, Ordered: true, BatchSize: 200, MaximumBatchingWindowMs: 50,"
        " MaximumRetryAttempts: 5}"
    )

    template = read(tmp_path, ROUTE_ORDER.replace("{Stream: route, BatchSize: 7}", binding))

    assert template.event_sources == (
        EventSourceMapping(
            function="route_order",
            stream="transactions",
            scope="chain",
            ordered=True,
            batch_size=200,
            maximum_batching_window_ms=50,
            maximum_retry_attempts=5,
        ),
    )


def test_a_function_has_its_http_and_websocket_routes(tmp_path: Path) -> None:
    function = read(tmp_path, WATCH_ORDER).function("watch_order")

    assert function.websocket_routes == ("$connect", "$default")
    assert function.http_routes == (HttpRoute(method="GET", path="/api/orders/{order_id}"),)
    assert (function.timeout_s, function.memory_mb) == (10, 1024)
    assert function.event_source is None


def test_functions_stay_in_the_order_of_the_template(tmp_path: Path) -> None:
    template = read(tmp_path, WATCH_ORDER + ROUTE_ORDER)

    assert [function.logical_id for function in template.functions] == ["WatchOrder", "RouteOrder"]


def test_asking_for_a_function_that_is_not_there_says_which(tmp_path: Path) -> None:
    template = read(tmp_path, ROUTE_ORDER)

    with pytest.raises(ConfigurationError, match="no function 'routeorder'"):
        template.function("routeorder")


@pytest.mark.parametrize(
    ("removed", "put_instead", "complaint"),
    [
        ("      CodeUri: functions/route_order\n", "", "function RouteOrder: .*CodeUri"),
        (
            "      Handler: functions.route_order.handler.lambda_handler\n",
            "",
            "function RouteOrder: .*Handler",
        ),
        ("Stream: route, ", "", r"function RouteOrder: .*`Stream` - at `\$\.EventSource`"),
        ("BatchSize", "Batchsize", r"function RouteOrder: .* unknown field `Batchsize` - at `\$\.EventSource`"),
        ("BatchSize: 7", "Function: x", r"function RouteOrder: .* unknown field `Function` - at `\$\.EventSource`"),
        ("BatchSize: 7", "Scope: p0", "function RouteOrder: .* - at .*Scope"),
        ("BatchSize: 7", "BatchSize: many", r"function RouteOrder: .*`int`.* - at `\$\.EventSource\.BatchSize`"),
        (
            "{Stream: route, BatchSize: 7}",
            "[route]",
            r"function RouteOrder: Expected `object .* - at `\$\.EventSource`",
        ),
        ("[build, status]", "build", "function RouteOrder: .*`array`"),
        ("    Type: AWS::Serverless::Function\n", "", "`Type`"),
    ],
)
def test_a_stage_that_lacks_or_mistypes_something_is_refused_with_its_place(
    tmp_path: Path, removed: str, put_instead: str, complaint: str
) -> None:
    assert removed in ROUTE_ORDER

    with pytest.raises(ConfigurationError, match=complaint):
        read(tmp_path, ROUTE_ORDER.replace(removed, put_instead))


@pytest.mark.parametrize(
    ("removed", "put_instead", "complaint"),
    [
        ("RouteKey: $default, ", "", "route DefaultRoute needs a RouteKey"),
        ("integrations/${WatchIntegration}", "integrations/${Nobody}", "needs .* an integration"),
        ("functions/${WatchOrder.Arn}", "functions/${Nobody.Arn}", "leads to no function 'Nobody'"),
        ("Method: GET, ", "", "function WatchOrder: .*`Method`"),
    ],
)
def test_a_route_that_leads_nowhere_is_refused(tmp_path: Path, removed: str, put_instead: str, complaint: str) -> None:
    assert removed in WATCH_ORDER

    with pytest.raises(ConfigurationError, match=complaint):
        read(tmp_path, WATCH_ORDER.replace(removed, put_instead))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Resources: [",
        "just words",
        "Resources: {X: !Sub {a: b}}",
        "Resources: {X: !!python/name:os.system }",
    ],
)
def test_a_file_that_is_no_template_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=r"template\.yaml"):
        read_template(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"can't read .*nowhere\.yaml: No such file"):
        read_template(tmp_path / "nowhere.yaml")
