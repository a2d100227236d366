"""The settings of `python -m local`: from the environment, and from the command line before it."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.settings import ROOT, auth_of, home_at, read_local_settings
from orderflow.errors import ConfigurationError


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE", "here")
    monkeypatch.setenv("LAMBDA_ENDPOINT", "http://127.0.0.1:4000")

    settings = read_local_settings(invoke="lambda", lambda_endpoint=None)

    assert (settings.invoke, settings.lambda_endpoint) == ("lambda", "http://127.0.0.1:4000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INVOKE", "there"),
        ("LAMBDA_ENDPOINT", "127.0.0.1:3001"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("CLOCK", "hand"),
        ("AUTH", "none"),
    ],
)
def test_a_word_that_a_setting_does_not_know_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
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
def test_a_home_is_a_place_with_or_without_a_shell(monkeypatch: pytest.MonkeyPatch, named: str, place: str) -> None:
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


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:3000"),
        ("0.0.0.0", "http://127.0.0.1:3000"),  # noqa: S104
        ("::", "http://127.0.0.1:3000"),
        ("[::]", "http://127.0.0.1:3000"),
        ("0:0::0", "http://127.0.0.1:3000"),
        ("::1", "http://[::1]:3000"),
        ("[::1]", "http://[::1]:3000"),
        ("fd00::7", "http://[fd00::7]:3000"),
        ("orders.lan", "http://orders.lan:3000"),
    ],
)
def test_the_url_of_a_host_is_one_that_clients_take(monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    monkeypatch.setenv("HOST", host)

    assert read_local_settings().url == url
    assert urlsplit(url).port == 3000


@pytest.mark.parametrize(
    ("host", "auth", "mode"),
    [
        ("", "", "open"),
        ("127.0.0.1", "keys", "keys"),
        ("127.1.2.3", "", "open"),
        ("[::1]", "", "open"),
        ("localhost", "", "open"),
        ("0.0.0.0", "open", "open"),  # noqa: S104
        ("::", "keys", "keys"),
    ],
)
def test_everyone_may_trade_where_only_this_machine_comes_in_or_where_auth_says_so(
    monkeypatch: pytest.MonkeyPatch, host: str, auth: str, mode: str
) -> None:
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("AUTH", auth)

    assert auth_of(read_local_settings()) == mode


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]", "192.168.0.7", "fd00::7", "orders.lan"])  # noqa: S104
def test_where_other_machines_come_in_auth_has_to_say_who_may_trade(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HOST", host)

    with pytest.raises(ConfigurationError) as error:
        auth_of(read_local_settings())

    assert all(way in str(error.value) for way in (f"HOST={host} ", "AUTH=keys ", "AUTH=open "))


def test_there_is_room_for_more_connections_where_there_may_be_more_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_SOCKETS", "50000")
    monkeypatch.setenv("MAX_REQUESTS", "100")

    assert read_local_settings().connections == 50_200

    monkeypatch.setenv("MAX_CONNECTIONS", "300")
    assert read_local_settings().connections == 300


@pytest.mark.parametrize(("name", "value"), [("CLOCK", "manual"), ("MARKET_SCRIPT", "market.csv")])
def test_a_market_by_hand_is_not_for_functions_elsewhere(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    read_local_settings()

    with pytest.raises(ConfigurationError, match=f"^{name}='{value}' can't be used: with INVOKE=lambda "):
        read_local_settings(invoke="lambda")
