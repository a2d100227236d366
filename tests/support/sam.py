"""The SAM CLI over one build of the template: starts its servers, invokes functions, removes what it left."""

import re
import subprocess
from pathlib import Path

from local.settings import ROOT
from tests.support.programs import Program, Programs

SAM = ["sh", "local/sam.sh"]
READY = "CTRL+C to quit"
COLD_S = 180.0
"""Each function starts when it is first invoked, and on a busy machine that takes many seconds."""


class Sam:
    """The SAM CLI over one build of the template."""

    def __init__(self, programs: Programs, directory: Path) -> None:
        self._programs = programs
        self._directory = directory
        self._template = directory / "build" / "template.yaml"
        self._started: list[Program] = []

    def build(self) -> None:
        """Build the template, beside the build that may be in use in the repository."""
        done = subprocess.run(
            [*SAM, "build", "--build-dir", str(self._directory / "build")], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        # A machine that tests run on may be so busy that a cold start alone takes longer than a function may on AWS.
        self._template.write_text(re.sub(r"Timeout: \d+", "Timeout: 60", self._template.read_text()))

    def command(self, *words: str) -> list[str]:
        """Return a `sam local` command line that goes by the build and the repository's samconfig.toml."""
        config = str(ROOT / "samconfig.toml")
        return [*SAM, "local", *words, "--template", str(self._template), "--config-file", config]

    def start(self, verb: str, port: str, environment: dict[str, str]) -> Program:
        """Start `sam local start-api` or `start-lambda` and wait until it serves `port`."""
        output = self._directory / f"{verb}-{port}.log"
        program = self._programs.make(self.command(verb, "--port", port), environment, output)
        self._started.append(program)
        program.start_and_wait_for(READY)
        return program

    def invoke(self, function: str, event: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run `sam local invoke` to its end."""
        command = self.command("invoke", function, "--event", str(event))
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )

    def remove_containers(self) -> None:
        """Remove the containers that a killed SAM left; one that ends in order removes its own."""
        outputs = [program.output_text for program in self._started]
        names = {name for output in outputs for name in re.findall(r"SAM_CONTAINER_ID: (\w+)", output)}
        if names:
            subprocess.run(["docker", "rm", "--force", *names], capture_output=True, check=False)
