"""Checks of what bad input is answered: a problem document that names the field, in few words."""

from local.client.api import EXECUTE_PATH, Answer
from tests.harness.acceptance.bad_input import BadInput
from tests.harness.acceptance.trial import Trial

PROBLEM = "application/problem+json"
LONGEST_PROBLEM = 4_096


async def check_refused(trial: Trial, bad: BadInput) -> None:
    """Post a bad order, and check that it is refused with its status, naming its field where one is at fault."""
    answer = await trial.request("POST", EXECUTE_PATH, bad.body, bad.all_headers)
    expected = f"{bad.status} {PROBLEM}" + (f" naming {bad.field}" if bad.field else "")
    trial.check(f"{bad.name} → {bad.status}", expected, *judged(answer, bad.status, bad.field))
    if len(answer.body) > LONGEST_PROBLEM:
        trial.check("and in few words", f"at most {LONGEST_PROBLEM} bytes", len(answer.body), holds=False)


def judged(answer: Answer, status: int, field: str | None = None) -> tuple[str, bool]:
    """Return what came, in the words of what was expected, and whether it is a problem with that status and field."""
    content_type = answer.headers.get("Content-Type", "").partition(";")[0]
    try:
        problem = answer.json()
        named = [str(error["field"]) for error in problem.get("errors") or [] if error["rule"]]
        stated = problem.get("status") == answer.status and bool(problem.get("title")) and bool(problem.get("detail"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{answer.status} {content_type} with the body {answer.body[:200]!r}", False
    got = f"{answer.status} {content_type} naming {', '.join(named) or 'nothing'}"
    right = answer.status == status and content_type == PROBLEM and (field is None or field in named)
    return (got if stated else f"{got}, but with the body {problem}"), right and stated
