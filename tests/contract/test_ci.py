"""Where checks are run: .ci/run, the workflow for pull requests and git's hooks use what `make` and .venv have."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from local.template import read_document

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
JOBS: dict[str, Any] = yaml.safe_load(WORKFLOW)["jobs"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


def test_the_workflow_runs_what_ci_runs() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    here = {step for steps in re.findall(r"^for step in (.*?); do", script, re.MULTILINE) for step in steps.split()}

    commands = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    there = {target for command in commands for target in re.findall(r"^make ([a-z-]+)$", command)}
    there |= set(JOBS["docker"]["strategy"]["matrix"]["target"])

    assert there == here
    assert here <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_workflow_tests_on_the_oldest_python_and_on_that_of_the_functions() -> None:
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    runtime = read_document(ROOT / "template.yaml")["Globals"]["Function"]["Runtime"].removeprefix("python")

    assert JOBS["test"]["strategy"]["matrix"]["python"] == [oldest, runtime]
    assert {
        step["with"]["python-version"]
        for name, job in JOBS.items()
        for step in job["steps"]
        if name != "test" and "python-version" in step.get("with", {})
    } == {runtime}


def test_an_action_is_pinned_to_a_commit_and_gets_no_right_to_write() -> None:
    used = re.findall(r"uses: (.*)", WORKFLOW)

    assert used
    assert [line for line in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", line)] == []
    assert yaml.safe_load(WORKFLOW)["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in JOBS.values())


def test_a_hook_is_a_check_of_make_lint_and_comes_out_of_the_environment() -> None:
    (recipe,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    hooks = [hook for repository in HOOKS for hook in repository["hooks"]]

    assert [repository["repo"] for repository in HOOKS] == ["local"], (
        "others would be fetched, at versions of their own"
    )
    for hook in hooks:
        program, *arguments = hook["entry"].split()
        assert program.startswith(".venv/bin/")
        what = arguments[1] if arguments[:1] == ["-m"] else program.removeprefix(".venv/bin/")
        assert re.search(rf"\$\(BIN\)/(python -m )?{re.escape(what)}\b", recipe), f"make lint does not run {what}"


def test_in_ci_the_tests_that_take_a_browser_have_to_run_where_one_can_be_had() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")

    assert "if .ci/browser; then\n    export ORDERFLOW_BROWSER=1" in script
    assert script.index("ORDERFLOW_BROWSER") < script.index("make ")
    assert JOBS["test"]["env"]["ORDERFLOW_BROWSER"] == "1"
