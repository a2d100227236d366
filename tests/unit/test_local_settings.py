"""The settings of `python -m local`: from the environment, and from the command line before it."""

from pathlib import Path

import pytest

from local.settings import ROOT, home_at, read_local_settings
from orderflow.errors import ConfigurationError


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE", "here")
    monkeypatch.setenv("LAMBDA_ENDPOINT", "http://127.0.0.1:4000")

    settings = read_local_settings(invoke="lambda", lambda_endpoint=None)

    assert (settings.invoke, settings.lambda_endpoint) == ("lambda", "http://127.0.0.1:4000")


@pytest.mark.parametrize(("name", "value"), [("INVOKE", "there"), ("LAMBDA_ENDPOINT", "127.0.0.1:3001")])
def test_a_place_where_no_function_can_run_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=f"^{name}='{value}' can't be used: "):
        read_local_settings()


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("~/x", "/home/trader/x"),
        ("~", "/home/trader"),
        ("~root/x", f"{Path('~root').expanduser()}/x"),
        ("/srv/of~x/", "/srv/of~x"),
        ("with space/./x", f"{Path.cwd()}/with space/x"),
        ("", f"{ROOT}/.orderflow"),
    ],
)
def test_a_home_is_a_place_whoever_expands_its_name(monkeypatch: pytest.MonkeyPatch, named: str, place: str) -> None:
    monkeypatch.setenv("HOME", "/home/trader")

    assert str(home_at(named)) == place


def test_a_home_of_nobody_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^ORDERFLOW_HOME=~nobody-of-this-name/x can't be used: "):
        home_at("~nobody-of-this-name/x")


@pytest.mark.parametrize("memory", ["much", "1tb", "-1", "1.5gb"])
def test_a_memory_that_redis_does_not_understand_is_named(monkeypatch: pytest.MonkeyPatch, memory: str) -> None:
    monkeypatch.setenv("REDIS_MAXMEMORY", memory)

    with pytest.raises(ConfigurationError, match=f"^REDIS_MAXMEMORY='{memory}' can't be used: "):
        read_local_settings()
