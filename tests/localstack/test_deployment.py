"""What LocalStack makes of the template, and that its Lambda is what runs the stages."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from websockets.sync.client import connect

from local.settings import ROOT
from local.template import read_template
from tests.support.compose_project import Project
from tests.support.placed_orders import place_each, place_many
from tests.support.waiting import eventually

STAGES = [function.logical_id for function in read_template(ROOT / "template.yaml").functions if function.event_source]
COLD_S, COUNTED_S = 180.0, 30.0
_SELL = {"token_in": "SOL", "token_out": "USDC"}
ENDS: list[tuple[Mapping[str, object], str]] = [
    ({**_SELL, "amount": 1, "order_type": "limit", "limit_price": "1"}, "confirmed"),
    ({**_SELL, "amount": 2, "order_type": "twap", "slices": 2, "interval": 1}, "confirmed"),
    ({"token_in": "USDC", "amount": 100, "order_type": "sniper", "target": {"any": True}}, "confirmed"),
]
"""Orders that come to functions that market orders never see, each with its end."""
EXPIRES = {**_SELL, "amount": 1, "order_type": "stop_loss", "trigger_price": "1", "expires_in": 15}
"""An order that rests until it expires, where the functions are warm: one that comes to rest too late ends at once, and
`expire_order` never sees it."""


@pytest.fixture
def aws(project: Project) -> Any:
    """Lend a maker of clients of the LocalStack that was deployed to."""

    def client(service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{project.environment['LOCALSTACK_PORT']}",
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return client


def test_the_stages_are_deployed_and_what_localstack_lacks_is_left_out(aws: Any) -> None:
    resources = aws("cloudformation").describe_stack_resources(StackName="orderflow")["StackResources"]

    made = {resource["LogicalResourceId"]: resource["ResourceType"] for resource in resources}
    assert sorted(name for name, kind in made.items() if kind == "AWS::Lambda::Function") == sorted(STAGES)
    assert {kind.split("::")[1] for kind in made.values()} == {"Lambda", "IAM", "Logs"}
    assert {resource["ResourceStatus"] for resource in resources} == {"CREATE_COMPLETE"}


def test_the_ledgers_password_is_in_no_functions_environment(project: Project, aws: Any) -> None:
    functions = aws("lambda").list_functions()["Functions"]

    environments = [function["Environment"]["Variables"] for function in functions]
    assert len(environments) == len(STAGES)
    assert project.environment["DATABASE_PASSWORD"] not in str(environments)
    assert [variables for variables in environments if variables.get("DATABASE_SECRET_ID")]


def test_every_stage_of_an_order_is_invoked_in_localstack(project: Project, aws: Any) -> None:
    ends = dict.fromkeys(place_many(project.url, 20), "confirmed")
    ends |= zip(place_each(project.url, [order for order, _ in ENDS]), [end for _, end in ENDS], strict=True)

    eventually(lambda: all(status(project, order_id) == end for order_id, end in ends.items()), COLD_S)
    [expires] = place_each(project.url, [EXPIRES])
    eventually(lambda: status(project, expires) == "expired", COLD_S)
    assert first_report(project, "market")["market"]["pairs"]

    # What an invocation has come to is seen before LocalStack counts it.
    deployed = {function["FunctionName"] for function in aws("lambda").list_functions()["Functions"]}
    eventually(lambda: invoked_functions(aws) == deployed, COUNTED_S)


def first_report(project: Project, channel: str) -> dict[str, Any]:
    """Follow a channel and return its first report."""
    with connect(f"{project.url.replace('http', 'ws', 1)}/api/orders/status", open_timeout=COLD_S) as socket:
        socket.send(json.dumps({"action": "subscribe", "channel": channel}))
        assert json.loads(socket.recv(timeout=COLD_S)) == {"channel": channel, "subscribed": True}
        report: dict[str, Any] = json.loads(socket.recv(timeout=COLD_S))
        return report


def invoked_functions(aws: Any) -> set[str]:
    metrics = aws("cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")["Metrics"]
    return {dimension["Value"] for metric in metrics for dimension in metric["Dimensions"]}


def status(project: Project, order_id: str) -> str:
    with urlopen(f"{project.url}/api/orders/{order_id}") as answer:
        return str(json.load(answer)["status"])
