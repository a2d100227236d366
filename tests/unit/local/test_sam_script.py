"""local/sam.sh: the environment in which the SAM CLI runs, seen through one that only says what it was given."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from local.gateway.management_server import MIN_SECRET_LENGTH
from local.run.shared_secret import CONNECTIONS, POSTGRES, REDIS, shared_secret
from local.settings import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Lend a directory with the script and a SAM CLI that prints its environment."""
    (tmp_path / "local/setup").mkdir(parents=True)
    for script in ("sam.sh", "setup/mutex.sh"):
        shutil.copy(ROOT / "local" / script, tmp_path / "local" / script)
    sam = tmp_path / ".venv-sam" / "bin" / "sam"
    sam.parent.mkdir(parents=True)
    sam.write_text("#!/bin/sh\nenv\n")
    sam.chmod(0o755)
    return tmp_path


@pytest.fixture
def run(directory: Path) -> Run:
    def run_script(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **settings}
        return subprocess.run(
            ["sh", "local/sam.sh", *words], cwd=directory, env=environment, capture_output=True, text=True, check=False
        )

    return run_script


def environment(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("name", "here", "in_a_container"),
    [
        ("REDIS_URL", "redis://:a@127.0.0.1:6380", "redis://:a@host.docker.internal:6380"),
        ("REDIS_URL", "redis://localhost", "redis://host.docker.internal"),
        ("REDIS_URL", "redis://redis.example:6379/0", "redis://redis.example:6379/0"),
        ("DATABASE_URL", "postgresql://a:b@localhost/c", "postgresql://a:b@host.docker.internal/c"),
        ("CONNECTIONS_ENDPOINT", "http://127.0.0.1:3100", "http://host.docker.internal:3100"),
    ],
)
def test_what_is_on_this_machine_has_another_name_in_a_container(
    run: Run, name: str, here: str, in_a_container: str
) -> None:
    given = environment(run("local", "invoke", **{name: here}))

    assert given[name] == in_a_container


def test_ports_that_were_changed_reach_the_functions_with_the_passwords_of_the_services(
    run: Run, directory: Path
) -> None:
    redis, postgres = (shared_secret(directory / ".orderflow" / "services" / name) for name in (REDIS, POSTGRES))

    given = environment(run("local", "start-api", REDIS_PORT="6380", POSTGRES_PORT="5433", CONNECTIONS_PORT="3100"))

    assert given["REDIS_URL"] == f"redis://:{redis}@host.docker.internal:6380"
    assert given["DATABASE_URL"] == f"postgresql://orderflow_app:{postgres}@host.docker.internal:5433/orderflow"
    assert given["CONNECTIONS_ENDPOINT"] == "http://host.docker.internal:3100"


def test_so_do_the_passwords_alone_unless_other_servers_are_named(run: Run, directory: Path) -> None:
    home = directory / "a home"
    redis, postgres = (shared_secret(home / "services" / name) for name in (REDIS, POSTGRES))
    named = {"REDIS_URL": "redis://elsewhere", "DATABASE_URL": "postgresql://elsewhere/ledger"}

    found = environment(run("local", "start-api", ORDERFLOW_HOME="~/a home"))
    given = environment(run("local", "start-api", ORDERFLOW_HOME="~/a home", **named))

    assert found["REDIS_URL"] == f"redis://:{redis}@host.docker.internal:6379"
    assert found["DATABASE_URL"] == f"postgresql://orderflow_app:{postgres}@host.docker.internal:5432/orderflow"
    assert {name: given[name] for name in named} == named


def test_the_secret_of_the_services_reaches_the_functions_unless_another_is_given(run: Run, directory: Path) -> None:
    home = directory / "home"
    path = home / "services" / CONNECTIONS
    made = shared_secret(path)

    found = environment(run("local", "start-lambda", ORDERFLOW_HOME=str(home)))
    given = environment(run("local", "start-lambda", ORDERFLOW_HOME=str(home), CONNECTIONS_SECRET="another"))
    without = environment(run("local", "start-lambda"))

    assert found["CONNECTIONS_SECRET"] == made
    assert given["CONNECTIONS_SECRET"] == "another"
    assert "CONNECTIONS_SECRET" not in without


def test_a_shared_secret_is_made_once_and_no_other_user_may_read_it(directory: Path) -> None:
    path = directory / "home" / "services" / CONNECTIONS

    first, second = shared_secret(path), shared_secret(path)

    assert first == second
    assert len(first) >= MIN_SECRET_LENGTH
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == [CONNECTIONS]


def test_what_is_not_set_is_left_to_samconfig(run: Run) -> None:
    given = environment(run("local", "start-api", REDIS_URL=""))

    assert not given.keys() & {"REDIS_URL", "DATABASE_URL", "CONNECTIONS_ENDPOINT"}


def test_credentials_are_made_up_only_where_there_are_none(run: Run) -> None:
    without = environment(run("local", "invoke"))
    with_own = environment(run("local", "invoke", AWS_PROFILE="mine"))

    assert (without["AWS_ACCESS_KEY_ID"], without["AWS_MAX_ATTEMPTS"]) == ("local", "1")
    assert not with_own.keys() & {"AWS_ACCESS_KEY_ID", "AWS_MAX_ATTEMPTS", "AWS_ENDPOINT_URL_STS"}


def test_only_what_runs_here_gets_any_of_that(run: Run) -> None:
    given = environment(run("validate", REDIS_PORT="6380"))

    assert not given.keys() & {"REDIS_URL", "AWS_ACCESS_KEY_ID"}
    assert given["AWS_DEFAULT_REGION"] == "eu-central-1"


def test_without_the_sam_cli_it_says_how_to_get_it(run: Run, directory: Path) -> None:
    shutil.rmtree(directory / ".venv-sam")

    done = run("build")

    assert done.returncode == 1
    assert "make sam" in done.stderr


def test_two_builds_follow_each_other(run: Run, directory: Path) -> None:
    sam = directory / ".venv-sam" / "bin" / "sam"
    sam.write_text("#!/bin/sh\n[ ! -e busy ] || exit 9\ntouch busy\nsleep 0.3\nrm busy\nmkdir -p .aws-sam/build\n")
    python = directory / "bin" / "python3.13"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    environment = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": str(directory)}

    builds = [subprocess.Popen(["sh", "local/sam.sh", "build"], cwd=directory, env=environment) for _ in range(2)]

    assert [build.wait(20) for build in builds] == [0, 0]
    assert not (directory / ".aws-sam" / "building").exists()


def test_a_build_that_was_killed_keeps_no_other_waiting(run: Run, directory: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (directory / ".aws-sam").mkdir()
    (directory / ".aws-sam" / "building").symlink_to(str(ended.pid))
    python = directory / "bin" / "python3.13"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)

    done = run("build", PATH=f"{python.parent}:{os.environ['PATH']}")

    assert done.returncode == 0, done.stderr


IDENTITY = {
    "as it is written": "Identity: {Headers: [Authorization], Context: [routeKey, identity.sourceIp]}\n",
    "as it is built": "Identity:\n  Headers:\n  - Authorization\n  Context:\n  - routeKey\n  - identity.sourceIp\n",
}


@pytest.mark.parametrize("written", IDENTITY.values(), ids=IDENTITY.keys())
@pytest.mark.parametrize("named", [True, False])
def test_sam_local_goes_by_a_template_that_asks_for_no_address(
    run: Run, directory: Path, written: str, named: bool
) -> None:
    template = directory / ("elsewhere/template.yaml" if named else ".aws-sam/build/template.yaml")
    template.parent.mkdir(parents=True)
    template.write_text(written)
    (directory / ".venv-sam/bin/sam").write_text('#!/bin/sh\nfor word; do last=$word; done; cat "$last"\n')

    done = run("local", "start-api", *(("--template", str(template)) if named else ()))

    assert yaml.safe_load(done.stdout) == {"Identity": {"Headers": ["Authorization"], "Context": ["routeKey"]}}
    assert template.read_text() == written, "the template that is deployed asks for it"


def test_the_template_asks_for_the_address_in_a_way_that_is_found(run: Run, directory: Path) -> None:
    shutil.copy(ROOT / "template.yaml", directory)
    (directory / ".venv-sam/bin/sam").write_text('#!/bin/sh\nfor word; do last=$word; done; cat "$last"\n')

    assert "identity.sourceIp" in (directory / "template.yaml").read_text()
    assert "identity.sourceIp]" not in run("local", "start-api").stdout
