"""Hold what `make coverage` has measured to the floors in pyproject.toml: `python -m tests.lint.coverage`."""

import io
import sys
import tomllib
from pathlib import Path

from coverage import Coverage

PROJECT = Path("pyproject.toml")


def main() -> int:
    """Print the share of lines and branches that ran in each package with a floor, and where the gaps are."""
    floors = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["orderflow"]["coverage-floors"]
    measured = Coverage()
    measured.load()
    below = []
    for package, floor in floors.items():
        table = io.StringIO()
        share = measured.report(include=[f"*/orderflow/{package}/*"], file=table, show_missing=True, skip_covered=True)
        print(f"{table.getvalue()}\n{package}: {share:.2f} %, its floor is {floor} %\n")
        if share < floor:
            below.append(package)
    print(f"below the floor: {', '.join(below)}" if below else "Every package is above its floor.")
    return bool(below)


if __name__ == "__main__":
    sys.exit(main())
