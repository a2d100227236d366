"""What a function loads before its first invocation: its own part, and nothing that a cold start need not wait for."""

import subprocess
import sys
from configparser import ConfigParser
from functools import cache
from pathlib import Path

import pytest

from local.template import read_template

ROOT = Path(__file__).parents[2]
FUNCTIONS = read_template(ROOT / "template.yaml").functions
STAGES = [function.name for function in FUNCTIONS if function.event_source]
FRONT_DOOR = [function.name for function in FUNCTIONS if not function.event_source]

# What a stage can't do without, and what that brings along.
LIGHT = {
    "redis": "the streams; its asyncio half comes along unasked",
    "hiredis": "reads replies for redis",
    "msgspec": "orders and settings",
    "aws_lambda_powertools": "the log's lines",
    "jmespath": "of Powertools' logger",
    "typing_extensions": "of Powertools and msgspec",
}
# What libraries load where it is installed, which on Lambda it is not beside a stage.
ONLY_HERE = {"opentelemetry", "psutil", "cryptography"}
POSTGRES = {"pg8000", "scramp", "asn1crypto", "dateutil", "six"}
# Each takes longer than all that a stage loads else, or is of use to one function only.
TOO_HEAVY = {
    *("boto3", "botocore.client", "botocore.session", "urllib3", "aws_xray_sdk"),
    *("fastapi", "starlette", "pydantic", "mangum", "anyio", "orjson", "uuid_utils"),
    "aws_lambda_powertools.utilities.parameters",
    *("sqlite3", "multiprocessing", "unittest", "pydoc", "sqlalchemy"),
}
OF_THE_ROUTER = "orderflow.domain.router.plan"
OF_THE_LEDGER = "orderflow.adapters.ledger_documents"


@cache
def loaded_by(function: str) -> frozenset[str]:
    """Return the modules that are there once a function's handler is imported."""
    code = f"import functions.{function}.handler, sys; print(*sys.modules, sep='\\n')"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return frozenset(finished.stdout.split())


def packages(modules: frozenset[str]) -> set[str]:
    """Return the packages from elsewhere that have more loaded than their mere name."""
    own = {"orderflow", "functions", "__main__", "_distutils_hack"}
    found = {module.partition(".")[0] for module in modules if "." in module} - own
    return found - set(sys.stdlib_module_names) - ONLY_HERE


@pytest.mark.parametrize("contract", ["stages-light", "stages-clients"])
def test_the_contracts_on_imports_hold_every_stage(contract: str) -> None:
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")

    held = contracts[f"importlinter:contract:{contract}"]["source_modules"].split()
    assert sorted(held) == sorted(f"functions.{stage}" for stage in STAGES)


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "record_order"])
def test_a_stage_loads_only_light_packages(stage: str) -> None:
    assert packages(loaded_by(stage)) <= LIGHT.keys()


def test_only_record_order_loads_postgres_of_the_stages() -> None:
    assert packages(loaded_by("record_order")) <= LIGHT.keys() | POSTGRES
    assert [stage for stage in STAGES if OF_THE_LEDGER in loaded_by(stage)] == ["record_order"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_loads_nothing_heavy(stage: str) -> None:
    assert loaded_by(stage) & TOO_HEAVY == set()


@pytest.mark.parametrize("function", [*STAGES, *FRONT_DOOR])
def test_no_function_loads_what_only_a_scrape_needs(function: str) -> None:
    assert {module for module in loaded_by(function) if module.startswith("prometheus_client")} == set()


@pytest.mark.parametrize("function", FRONT_DOOR)
def test_the_front_door_loads_no_aws_client_before_it_needs_one(function: str) -> None:
    heavy = {module for module in TOO_HEAVY if module.startswith(("boto", "urllib3", "aws_"))}

    assert loaded_by(function) & heavy == set()


def test_only_who_routes_or_quotes_loads_the_router() -> None:
    assert [function.name for function in FUNCTIONS if OF_THE_ROUTER in loaded_by(function.name)] == []
