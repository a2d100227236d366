"""Logs that end some day, and alarms that reach somebody, for every function."""

from pathlib import Path
from typing import Any

import pytest

from local.template import FunctionTemplate, read_document, read_template
from tests.support.cloudformation import Stack

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
FULL = Stack(read_document(ROOT / "template.yaml"), {"EventSourceImage": "image", "MigrationImage": "image"})
ALARMS = FULL.of_type("AWS::CloudWatch::Alarm")
GROUPS = FULL.of_type("AWS::Logs::LogGroup")


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    return [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]


@pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.name)
def test_a_function_that_fails_or_is_throttled_rings(function: FunctionTemplate) -> None:
    dimensions = [{"Name": "FunctionName", "Value": {"Ref": function.logical_id}}]

    ringing = [
        metric["MetricName"]
        for alarm in ALARMS.values()
        for metric in metrics_of(alarm)
        if metric["Namespace"] == "AWS/Lambda" and metric["Dimensions"] == dimensions
    ]

    assert sorted(ringing) == ["Errors", "Throttles"]


def test_every_alarm_reaches_the_topic_and_names_what_is_wrong() -> None:
    assert ALARMS
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["AlarmDescription"], name
        assert alarm["TreatMissingData"] != "missing", name


def test_nobody_reading_the_streams_rings_too() -> None:
    assert [
        name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching" and "lag" in str(alarm)
    ] == ["EventSourceSilentAlarm"]


def test_every_log_ends_some_day_and_all_that_log_have_one() -> None:
    written = {
        FULL.shared["LoggingConfig"]["LogGroup"]["Ref"],
        *(
            FULL.resources[api]["Properties"]["AccessLogSettings"]["DestinationArn"]["Fn::GetAtt"].partition(".")[0]
            for api in ("HttpApi", "WebSocketStage")
        ),
        *(
            container["LogConfiguration"]["Options"]["awslogs-group"]["Ref"]
            for task in FULL.of_type("AWS::ECS::TaskDefinition").values()
            for container in task["ContainerDefinitions"]
        ),
    }

    assert written == GROUPS.keys()
    assert all(int(group["RetentionInDays"]) > 0 for group in GROUPS.values())
    assert not any("LoggingConfig" in said for said in FULL.of_type("AWS::Serverless::Function").values())
