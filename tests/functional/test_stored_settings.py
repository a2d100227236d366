"""Settings that the environment leaves to SSM's Parameter Store."""

from collections.abc import Iterator, Mapping

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from local.settings import LocalSettings, read_local_settings
from orderflow.adapters.parameter_store import parameters_below
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime.settings import LedgerSettings, read_settings
from orderflow.venues.mock.settings import MockSettings

PATH = "/orderflow/test"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be on an AWS that moto plays, with nothing kept of an earlier one."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        forget_parameters()
        yield
    forget_parameters()


def forget_parameters() -> None:
    parameters_below.cache_clear()
    parameters.clear_caches()  # type: ignore[no-untyped-call]


def store(values: Mapping[str, str], path: str = PATH) -> None:
    client = boto3.client("ssm")
    for name, value in values.items():
        client.put_parameter(Name=f"{path}/{name}", Value=value, Type="SecureString", Overwrite=True)


def test_what_the_environment_leaves_out_comes_from_the_parameters_below_the_path() -> None:
    store({"SPEED": "0.5", "SEED": "7"})

    settings = read_settings(MockSettings, {"SETTINGS_PATH": PATH})

    assert (settings.speed, settings.seed) == (0.5, 7)


def test_the_environment_goes_before_the_parameters_unless_it_is_empty() -> None:
    store({"SPEED": "0.5", "SEED": "7"})

    settings = read_settings(MockSettings, {"SETTINGS_PATH": PATH, "SPEED": "2", "SEED": ""})

    assert (settings.speed, settings.seed) == (2.0, 7)


def test_parameters_elsewhere_or_deeper_down_are_not_these_settings() -> None:
    store({"SPEED": "0.5"})
    store({"SEED": "7"}, f"{PATH}/deeper")
    store({"SEED": "8"}, f"{PATH}-other")

    assert read_settings(MockSettings, {"SETTINGS_PATH": PATH}).seed == MockSettings().seed


def test_more_parameters_than_fit_one_answer_are_all_read() -> None:
    store({f"NUMBER_{number}": "1" for number in range(12)} | {"ZZ": "1", "DATABASE_URL": "postgresql://db"})

    assert read_settings(LedgerSettings, {"SETTINGS_PATH": PATH}).database_url == "postgresql://db"


def test_the_parameters_are_asked_for_once() -> None:
    store({"SPEED": "0.5"})
    read_settings(MockSettings, {"SETTINGS_PATH": PATH})
    store({"SPEED": "0.7"})

    assert read_settings(MockSettings, {"SETTINGS_PATH": PATH}).speed == 0.5


def test_the_local_programs_take_their_settings_from_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    store({"PORT": "4000"})
    monkeypatch.setenv("SETTINGS_PATH", PATH)
    monkeypatch.delenv("PORT", raising=False)

    assert read_local_settings().port == 4000
    assert LocalSettings().port != 4000


def test_a_value_that_can_not_be_used_is_named() -> None:
    store({"SPEED": "fast"})

    with pytest.raises(ConfigurationError, match="^SPEED='fast' can't be used: "):
        read_settings(MockSettings, {"SETTINGS_PATH": PATH})


def test_a_path_with_nothing_below_it_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match=f"^SETTINGS_PATH={PATH} can't be used: "):
        read_settings(MockSettings, {"SETTINGS_PATH": PATH})


def test_a_store_that_is_unavailable_is_asked_again_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    store({"SPEED": "0.5"})

    def refuse(*_: object, **__: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://ssm.example")

    with monkeypatch.context() as unavailable:
        unavailable.setattr("botocore.client.BaseClient._make_api_call", refuse)
        with pytest.raises(RetryableError, match=r"can't be read: .*ssm\.example"):
            read_settings(MockSettings, {"SETTINGS_PATH": PATH})

    assert read_settings(MockSettings, {"SETTINGS_PATH": PATH}).speed == 0.5
