"""Every exception that Fluxion raises on purpose, in one tree.

    FluxionError
    ├── ConfigError            the pipeline file, an option or an environment variable is wrong      exit 78
    │   └── UnknownNameError   a component, operator or plugin by that name is not installed         exit 78
    ├── PluginError            a plugin broke its contract (wrong class, wrong answer, wrong hook)   exit 70
    ├── LanguageError
    │   ├── CompileError       the stages are wrong; carries every Problem                           exit 78
    │   └── EvaluationError    a document and a stage do not go together; carries the stage's path   (a record error)
    ├── RecordError            this record is at fault: skip it or dead-letter it                    (error policy)
    ├── TransientError         the outside world is at fault for now: pause, back off, try again     exit 74 when given up
    ├── FatalError             nothing helps but a person                                            exit 74
    ├── StateError             the state store holds something this pipeline must not continue from  exit 76
    └── FencedError            another process owns this pipeline (now)                              exit 75

A message is a short letter: *where: what was found; what was expected; what to do*. It never holds a secret.
The exit codes are those of BSD's ``sysexits.h`` where one fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

__all__ = [
    "CompileError",
    "ConfigError",
    "EvaluationError",
    "FatalError",
    "FencedError",
    "FluxionError",
    "LanguageError",
    "PluginError",
    "Problem",
    "RecordError",
    "StateError",
    "TransientError",
    "UnknownNameError",
    "did_you_mean",
]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the closest of *known*, or an empty string when none is close."""
    import difflib  # late: who mistypes nothing need not wait for it

    lowered = {candidate.lower(): candidate for candidate in sorted(known, reverse=True)}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean '{lowered[close[0]]}'?" if close else ""


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with what the user wrote.

    *path* says where, in the user's own words (``stages[2].$group.total``); *line* and *column* (from 1) are filled in
    when the text came from a file; *hint* says what to do.
    """

    path: str
    message: str
    hint: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Return the problem as one line: where, what, what to do."""
        where = f"{self.path}: " if self.path else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"


class FluxionError(Exception):
    """The root: ``except FluxionError`` catches everything that Fluxion raises on purpose."""

    exit_code: ClassVar[int] = 70


class _ProblemsError(FluxionError):
    """An error that reports every problem it found, not only the first."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems = (Problem("", problems),) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(_ProblemsError):
    """The pipeline file, an option or an environment variable is wrong; ``problems`` holds every finding."""

    exit_code = 78


class UnknownNameError(ConfigError):
    """No installed component has that name; the message names the package that would bring it, if one is known."""


class PluginError(FluxionError):
    """A plugin broke its contract: the message names distribution, version, what it did and what the contract says."""

    exit_code = 70


class LanguageError(FluxionError):
    """Something is wrong with the stages, or with a document under them."""


class CompileError(LanguageError, _ProblemsError):
    """The stages cannot be compiled; ``problems`` holds every finding with its path (``stages[0].$match.total``)."""

    exit_code = 78


class EvaluationError(LanguageError):
    """A stage cannot be applied to a document, where MongoDB would raise too.

    *path* names the expression (``stages[1].$set.total.$divide``) and is filled in by the compiled program.
    """

    def __init__(self, message: str, path: str = "") -> None:
        self.message = message
        self.path = path
        super().__init__(message, path)

    def __str__(self) -> str:
        """Return path and message."""
        return f"{self.path}: {self.message}" if self.path else self.message


class RecordError(FluxionError):
    """This record, and no other, is at fault: the error policy decides whether it is skipped or dead-lettered.

    A sink that knows which records of a batch were refused reports them in its ``WriteResult`` instead.
    """


class TransientError(FluxionError):
    """The outside world is at fault for now: the runtime pauses the source, backs off and tries again.

    *retry_after_seconds* is the other side's own wish (an HTTP ``Retry-After``), honoured up to the retry's cap.
    """

    exit_code = 74

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class FatalError(FluxionError):
    """Trying again cannot help (credentials refused, topic missing, disk gone): the pipeline stops."""

    exit_code = 74


class StateError(FluxionError):
    """The stored state and this pipeline do not belong together, or the state is damaged; nothing was changed."""

    exit_code = 76


class FencedError(FluxionError):
    """Another process holds this pipeline id, or took it over: this one must not write any more."""

    exit_code = 75
