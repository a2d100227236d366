"""The environment that the template gives to a function against the settings that its code reads."""

import ast
import re
from pathlib import Path

import pytest

from local.template import FunctionTemplate, read_template
from orderflow.runtime import async_clients, batch, clients, settings, stage
from orderflow.venues import mock
from orderflow.venues.mock.settings import MockSettings

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
LAYER = ROOT / "layers/orderflow/orderflow"

READ_BY_LIBRARIES = {"POWERTOOLS_SERVICE_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT"}
# Where settings are that the environment lacks; the template sets them all.
NOT_OF_THE_TEMPLATE = {"SETTINGS_PATH"}
# For tests of what orders that wait do, on one machine; and who may trade there without a key.
OF_THIS_MACHINE = {"AUTH", "CLOCK", "MARKET_SCRIPT"}
# What opens clients, by name: also what runs a stage, and what opens the venue family of the template.
CLIENTS = {
    node.name: node
    for module in (async_clients, clients, batch, stage, mock)
    for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef)
}
MODELS = {**vars(settings), "MockSettings": MockSettings}


def models_read_by(tree: ast.AST) -> set[str]:
    """Return the settings models that code reads, itself or through the clients that it opens."""
    models: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("read_settings") | ast.Attribute(attr="read_settings"), args=[model, *_]):
                models.add(ast.unparse(model).rpartition(".")[2])
            case ast.Attribute(ast.Name("clients" | "async_clients" | "batch"), name) | ast.Name(name) if (
                name in CLIENTS
            ):
                models |= models_read_by(CLIENTS[name])
    return models


def variables_of_every_function() -> set[str]:
    """Return the variables that the layer's code reads by itself, whichever function runs."""
    sources = [
        path.read_text(encoding="utf-8") for part in ("runtime", "adapters") for path in LAYER.glob(f"{part}/**/*.py")
    ]
    names = {name for source in sources for name in re.findall(r'(?:environ|found)(?:\.get\(|\[)"([A-Z_]+)"', source)}
    return {name for name in names if not name.startswith("AWS_")} - NOT_OF_THE_TEMPLATE


def variables_read_by(function: FunctionTemplate) -> set[str]:
    modules = (ROOT / "functions" / function.name).glob("*.py")
    models = {model for module in modules for model in models_read_by(ast.parse(module.read_text(encoding="utf-8")))}
    fields = {field.upper() for model in models for field in MODELS[model].__struct_fields__}
    return (fields | variables_of_every_function()) - OF_THIS_MACHINE


@pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.name)
def test_a_function_is_given_the_variables_that_it_reads_and_no_others(function: FunctionTemplate) -> None:
    assert function.environment == variables_read_by(function) | READ_BY_LIBRARIES


def test_the_reading_of_the_code_finds_what_a_client_needs() -> None:
    tree = ast.parse("def work():\n    return clients.ledger().write(clients.venue().results([]))")

    assert models_read_by(tree) == {"LedgerSettings", "MockSettings", "Settings", "VenueSettings"}


STAGE = """
from orderflow.runtime.batch import stream_function
from orderflow.runtime.stage import run_stage

@stream_function
def lambda_handler(event, _context):
    return run_stage("check_order", event, read=lambda _orders: None, decide=check)

def check(order, _nothing, _now_ms):
    return order
"""


def test_a_stage_made_of_run_stage_alone_is_found_to_need_the_orders() -> None:
    assert models_read_by(ast.parse(STAGE)) == {"Settings"}


def test_a_function_that_reads_no_settings_is_found_to_need_none() -> None:
    tree = ast.parse("@stream_function\ndef lambda_handler(event, _context):\n    return {'batchItemFailures': []}")

    assert models_read_by(tree) == set()


def test_every_setting_that_make_takes_is_explained() -> None:
    [taken] = re.findall(r"^SETTINGS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.MULTILINE)

    explained = [name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)]
    assert sorted(explained) == sorted(taken.split())
