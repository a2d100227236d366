"""Settings from environment variables."""

import pytest

from local.settings import LocalSettings
from orderflow.errors import ConfigurationError
from orderflow.runtime.settings import (
    ChangeSettings,
    IntakeSettings,
    LedgerSettings,
    ReadSettings,
    Settings,
    SocketSettings,
    read_settings,
)
from orderflow.venues.mock.settings import MockSettings


def test_what_is_not_set_has_its_default() -> None:
    assert read_settings(Settings, {}) == Settings(redis_url="redis://127.0.0.1:6379/0", partitions=4)
    assert read_settings(MockSettings, {}) == MockSettings(seed=1, speed=1.0, drop_rate=0.01, network_failure_rate=0.0)
    assert read_settings(IntakeSettings, {}) == IntakeSettings(max_lag=2_000, max_in_flight=50_000, max_memory=0.8)
    assert read_settings(ReadSettings, {}) == ReadSettings(max_quotes=20, max_reads=100)
    assert read_settings(ChangeSettings, {}) == ChangeSettings(max_changes=100)
    assert read_settings(LedgerSettings, {}) == LedgerSettings(database_url="", database_secret_id="")
    assert read_settings(SocketSettings, {}) == SocketSettings(connections_endpoint="", connections_api="aws")


def test_texts_become_what_the_settings_are() -> None:
    environment = {"REDIS_URL": "unix:///run/redis.sock", "PARTITIONS": "8", "SEED": "-3", "SPEED": "0.25"}
    rates = {"DROP_RATE": "0.2", "NETWORK_FAILURE_RATE": "1"}

    settings = read_settings(Settings, environment)
    market = read_settings(MockSettings, environment | rates)

    assert settings == Settings(redis_url="unix:///run/redis.sock", partitions=8)
    assert market == MockSettings(
        seed=-3,
        speed=0.25,
        drop_rate=0.2,
        network_failure_rate=1.0,
    )


@pytest.mark.parametrize(("text", "cluster"), [("1", True), ("0", False), ("true", True), ("", False)])
def test_a_cluster_is_switched_on_and_off(text: str, cluster: bool) -> None:
    assert read_settings(Settings, {"REDIS_CLUSTER": text}).redis_cluster is cluster


def test_a_text_stays_a_text_whatever_it_looks_like() -> None:
    assert read_settings(LedgerSettings, {"DATABASE_URL": "true"}).database_url == "true"
    assert read_settings(LedgerSettings, {"DATABASE_SECRET_ID": "0123"}).database_secret_id == "0123"


def test_an_empty_variable_counts_as_not_set() -> None:
    environment = {"REDIS_URL": "", "PARTITIONS": "", "SEED": "", "SPEED": ""}

    assert read_settings(MockSettings, environment) == read_settings(MockSettings, {})


def test_only_the_variables_of_the_model_are_read() -> None:
    assert read_settings(Settings, {"SEED": "not a number", "redis_url": "x", "PATH": "/bin"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("REDIS_CLUSTER", "perhaps", "Expected `bool`, got `str`"),
        ("REDIS_MIN_REPLICAS", "-1", "Expected `int` >= 0"),
        ("PARTITIONS", "four", "Expected `int`, got `str`"),
        ("PARTITIONS", "0", "Expected `int` >= 1"),
        ("PARTITIONS", "16385", "Expected `int` <= 16384"),
        ("SEED", "1.5", "Expected `int`, got `str`"),
        ("SPEED", "fast", "Expected `float`, got `str`"),
        ("SPEED", "-1", "Expected `float` >= 0.0"),
        ("SPEED", "nan", "Expected `float` >= 0.0"),
        ("SPEED", "inf", "Expected `float` <= 100.0"),
        ("DROP_RATE", "1.01", "Expected `float` <= 1.0"),
        ("NETWORK_FAILURE_RATE", "-0.1", "Expected `float` >= 0.0"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named(name: str, value: str, problem: str) -> None:
    model = MockSettings if name.lower() in MockSettings.__struct_fields__ else Settings
    with pytest.raises(ConfigurationError) as refusal:
        read_settings(model, {name: value})

    assert str(refusal.value) == f"{name}={value!r} can't be used: {problem}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_LAG", "0"), ("MAX_IN_FLIGHT", "-1"), ("MAX_MEMORY", "0"), ("MAX_MEMORY", "1.01"), ("MAX_MEMORY", "nan")],
)
def test_a_limit_that_would_let_nothing_or_everything_in_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}='{value}' can't be used: "):
        read_settings(IntakeSettings, {name: value})


def test_the_settings_of_a_local_run_are_read_alike() -> None:
    settings = read_settings(LocalSettings, {"PORT": "4000", "SPEED": "0", "WORKERS": ""})

    assert (settings.port, settings.speed, settings.workers, settings.redis_url) == (4000, 0, 2, "")
    with pytest.raises(ConfigurationError, match="^PORT='70000' can't be used: "):
        read_settings(LocalSettings, {"PORT": "70000"})


@pytest.mark.parametrize(
    ("name", "of_lambda"),
    [("max_quotes", ReadSettings), ("max_reads", ReadSettings), ("max_changes", ChangeSettings)],
)
def test_a_local_run_has_the_limits_of_reads_and_changes_that_lambda_has(name: str, of_lambda: type[Settings]) -> None:
    assert getattr(LocalSettings(), name) == getattr(of_lambda(), name)
    for model in (LocalSettings, of_lambda):
        with pytest.raises(ConfigurationError, match=f"^{name.upper()}='0' can't be used: "):
            read_settings(model, {name.upper(): "0"})


def test_without_an_environment_the_processes_own_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITIONS", "16")

    assert read_settings(Settings).partitions == 16
