"""The settings of `python -m local`: from the environment, and from the command line before it."""

import pytest

from local.settings import read_local_settings
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
