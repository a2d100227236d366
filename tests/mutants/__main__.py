"""Mutation tests, by hand or nightly: makes code wrong in many ways, one at a time, and lists what no test noticed.

    python -m tests.mutants [NAME …] [--sample N] [--seed N] [--minutes N]

A name is one of `concerned.py`, such as `adapters/orders`, or the beginning of some. Of a module, places are chosen at
random, and survivors are printed: many change nothing that matters. Of a script (`scripts/…`) the changes are those of
`scripts.py`, and each has to be found: the exit code is 1 when one is not, or when its text does not stand there once.
"""

import argparse
import difflib
import random
import signal
import sys
import time
from collections.abc import Iterator

from tests.mutants.concerned import CONCERNED, file_of, paths
from tests.mutants.operators import mutated, sample
from tests.mutants.scripts import CHANGES
from tests.mutants.trial import Trial, copied_tree


def parsed() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="make mutants", description="Makes code wrong; lists what no test noticed.")
    parser.add_argument("names", nargs="*", default=[""], metavar="NAME", help="modules and scripts: all, or these")
    parser.add_argument("--sample", type=int, default=15, help="how many places of a module are tried (15)")
    parser.add_argument("--seed", type=int, default=1, help="chooses other places and changes")
    parser.add_argument("--minutes", type=float, default=90, help="after which no further mutant is tried (90)")
    arguments = parser.parse_args()
    for given in arguments.names:
        if not any(meant(name, [given]) for name in CONCERNED):
            parser.error(f"{given} is none of: {' '.join(CONCERNED)}")
    return arguments


def meant(name: str, given: list[str]) -> bool:
    """Return whether a module or a script is given by its name or, where none has that name, by its beginning."""
    return any(name == each or (each not in CONCERNED and name.startswith(each)) for each in given)


def replaced(text: str, right: str, wrong: str) -> str:
    """Return a script's text with a change; exit when what is to be changed does not stand there exactly once."""
    if text.count(right) != 1:
        sys.exit(f"what scripts.py changes has to stand there once, not {text.count(right)} times: {right}")
    return text.replace(right, wrong)


def wrong_texts(name: str, right: str, arguments: argparse.Namespace) -> Iterator[str]:
    """Yield what a module or a script becomes, changed in one way after the other."""
    if name in CHANGES:
        yield from [replaced(right, *change) for change in CHANGES[name]]
    else:
        chance = random.Random(f"{arguments.seed} {name}")
        for mutant in sample(right, arguments.sample, chance):
            yield mutated(right, mutant)


def difference(right: str, wrong: str) -> str:
    """Return what a mutant changes, by line."""
    lines = difflib.unified_diff(right.splitlines(), wrong.splitlines(), n=0, lineterm="")
    return "\n".join(f"    {line}" for line in list(lines)[2:])


def attempt(name: str, arguments: argparse.Namespace, ends_at: float) -> int:
    """Try the mutants of a module or a script, and print each that no test found; return how many these are."""
    tried = survived = 0
    with copied_tree() as tree:
        trial = Trial(tree / file_of(name), paths(CONCERNED[name]))
        trial.start()
        for wrong in wrong_texts(name, trial.right, arguments):
            if time.monotonic() >= ends_at:
                break
            tried += 1
            if not trial.finds(wrong):
                survived += 1
                print(f"survived in {name}:\n{difference(trial.right, wrong)}", flush=True)
    print(f"{name}: {tried} tried, {survived} survived", flush=True)
    return survived


def main() -> None:
    """Try what is asked for."""
    arguments = parsed()
    # Also where a shell that runs this in the background has SIGINT ignored: the tests are ended by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ends_at = time.monotonic() + arguments.minutes * 60
    must_be_found = 0
    for name in CONCERNED:
        if not meant(name, arguments.names):
            continue
        if time.monotonic() >= ends_at:
            print(f"{name}: not tried, the {arguments.minutes:g} minutes are over", flush=True)
            continue
        survived = attempt(name, arguments, ends_at)
        must_be_found += survived if name in CHANGES else 0
    sys.exit(1 if must_be_found else 0)


if __name__ == "__main__":
    main()
