"""Actors of the model check: programs that can be paused between any two of their calls to the outside.

An actor is its program and the answers that its calls have had so far. To go on, the program runs again from its
beginning: the calls that it made before get their answers from a tape, then it makes some for real, and the next one
stops it. So an actor may go on at once, much later or never (its process died), and it may be copied.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from enum import Enum
from typing import Any, NamedTuple, TypeVar

Reply = TypeVar("Reply")

ALL = 1_000
"""More calls than any program makes that comes to an end."""


class Fate(Enum):
    """What becomes of a call."""

    ANSWERED = "answered"
    LOST = "lost"
    """The call was never made; the caller gets an error."""
    UNANSWERED = "unanswered"
    """The call was made; the caller gets the same error."""


class PausedError(BaseException):
    """Raised through a program to stop it before its next call; a BaseException, so that no handler catches it."""


class DivergedError(BaseException):
    """A replayed program made another call than the first time, so it depends on something that is not on its tape."""


class Answer(NamedTuple):
    """What a call was answered with, or the error that it raised."""

    question: Sequence[object]
    reply: object = None
    error: Exception | None = None


class Tape:
    """The answers that a program has had, while it is replayed and makes `calls` more, the last with its `fate`."""

    def __init__(self, answers: list[Answer], calls: int, fate: Fate) -> None:
        self._answers = answers
        self._calls = calls
        self._fate = fate
        self._place = 0

    def ask(self, question: Sequence[object], call: Callable[[], Reply], lost: Callable[[], Exception]) -> Reply:
        """Return the reply to a call, or raise its error; `lost` makes the error of a call without an answer.

        Raises PausedError when no more calls are to be made.
        """
        if self._place == len(self._answers):
            if not self._calls:
                raise PausedError
            self._calls -= 1
            self._answers.append(self._answer(question, call, lost))
        return self._play(question)  # type: ignore[no-any-return]

    def note(self, question: Sequence[object], look: Callable[[], Reply]) -> Reply:
        """Return what `look` returns, the same whenever the program is replayed; this counts as no call."""
        if self._place == len(self._answers):
            self._answers.append(Answer(question, look()))
        return self._play(question)  # type: ignore[no-any-return]

    def _answer(self, question: Sequence[object], call: Callable[[], object], lost: Callable[[], Exception]) -> Answer:
        fate = Fate.ANSWERED if self._calls else self._fate
        if fate is Fate.LOST:
            return Answer(question, error=lost())
        try:
            reply = call()
        except Exception as error:  # noqa: BLE001 - every error from outside is the program's to handle, every time
            return Answer(question, error=error)
        return Answer(question, error=lost()) if fate is Fate.UNANSWERED else Answer(question, reply)

    def _play(self, question: Sequence[object]) -> Any:
        answer = self._answers[self._place]
        if answer.question != question:
            raise DivergedError(f"{question} instead of {answer.question}")
        self._place += 1
        if answer.error is not None:
            raise answer.error.with_traceback(None)
        return deepcopy(answer.reply)


class Actor:
    """A program that has made some of its calls. `play` runs it from the beginning, its calls answered by a tape."""

    def __init__(self, name: str, play: Callable[[Tape], object], answers: Sequence[Answer] = ()) -> None:
        self.name = name
        self.play = play
        self.answers = list(answers)
        self.has_finished = False
        self.result: object = None
        self.error: Exception | None = None

    def go_on(self, calls: int, fate: Fate) -> None:
        """Run the program through its next calls, the last of which meets its fate, or to its end."""
        try:
            self.result = self.play(Tape(self.answers, calls, fate))
            self.has_finished = True
        except PausedError:
            pass
        except Exception as error:  # noqa: BLE001 - how a program ends is for the witness to judge
            self.error = error
            self.has_finished = True

    def copy(self) -> "Actor":
        """Return an actor that has made the same calls."""
        return Actor(self.name, self.play, self.answers)

    def __repr__(self) -> str:
        return f"{self.name} after {len(self.answers)} calls"
