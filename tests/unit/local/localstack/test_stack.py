"""What the event source gets to know of functions that were deployed to LocalStack."""

import msgspec

from local.localstack.stack import bindings
from local.settings import ROOT
from local.template import read_template
from orderflow.event_source.settings import Binding


def test_every_stage_is_bound_to_its_stream_by_its_deployed_name() -> None:
    template = read_template(ROOT / "template.yaml")
    names = {function.logical_id: f"orderflow-{function.logical_id}-1" for function in template.functions}

    read = msgspec.convert(bindings(template, names), list[Binding])

    assert {binding.function: binding.function_name for binding in read} == {
        function.name: f"orderflow-{function.logical_id}-1" for function in template.functions if function.event_source
    }
    assert [(binding.stream, binding.batch_size) for binding in read] == [
        (mapping.stream, mapping.batch_size) for mapping in template.event_sources
    ]
