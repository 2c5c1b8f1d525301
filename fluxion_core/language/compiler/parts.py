"""What a stage is once it is parsed: a part that writes code into a segment, or a step of its own between segments.

``StageForm`` is the descriptor with which a stage is found; its ``parse`` returns one or more parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import one_document
from fluxion_core.language.compiler.nodes import Node
from fluxion_core.language.operators import Accumulator, Example

if TYPE_CHECKING:
    from fluxion_core.language.compiler.nested import Evaluator
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.segment import SegmentWriter

    ParseStage = Callable[[Parser, Any, str], Sequence["Part"]]
    Evaluators = dict[tuple[int, ...], Evaluator]
else:  # a struct's annotations are evaluated when its signature is asked for
    ParseStage, Evaluators = Callable, dict

__all__ = [
    "FAULTS",
    "AnsweringStep",
    "EachStep",
    "Folding",
    "Part",
    "PerDocument",
    "StageForm",
    "StateRow",
    "Step",
    "StepPart",
    "evaluation_error",
    "latest",
]

FAULTS: Final = (EvaluationError, RecursionError, ArithmeticError, MemoryError)
"""What a document can be at fault for; anything else is a bug and is not hidden."""

StateRow = tuple[str, bytes, bytes | None]
"""(operator id, key, value); no value: the row is gone."""


class StageForm(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the language: ``parse(parser, spec, where)`` returns its parts, or none after a problem was kept.

    *kind*: ``stateless``, ``keyed``, ``blocking`` or ``counter``; what ``fluxion explain`` shows and the reference says.
    *note*: one sentence on how it behaves on an unbounded source.
    """

    name: str
    parse: ParseStage
    kind: str
    note: str = ""
    examples: Sequence[Example] = ()
    family: str = "stages"


class Part(msgspec.Struct, kw_only=True, eq=False):
    """A parsed stage, or a piece of one (``$sortByCount`` is a group and a sort). *stage* is the index in the pipeline."""

    kind: ClassVar[str]
    where: str
    stage: int = -1
    place: str = ""
    """Which of the parts of a ``$subPipeline`` it is; nothing for a stage that stands by itself."""
    origin: Any = None
    """What it was parsed from, where the stage itself does not say it all (a pipeline by its name)."""

    @property
    def id(self) -> str:
        """Return the name under which its state is kept."""
        return f"{self.stage}/{self.place}" if self.place else f"{self.stage}"

    def nodes(self) -> Iterable[Node]:
        """Return the expressions of the part that are evaluated on the current document."""
        return ()

    def followed_by(self, parts: Sequence[Part]) -> None:
        """Take note of the parts behind it, which may need no more than some of what comes out."""
        del parts

    def doubles(self) -> bool:
        """Whether a value may stand twice in what comes out, beside what the operators within its expressions do."""
        return True


class PerDocument(Part, kw_only=True, eq=False):
    """Documents in, none, one or many documents out, each on its own: code within the loop of a segment."""

    kind: ClassVar[str] = "stateless"
    fans_out: ClassVar[bool] = False

    @abstractmethod
    def write(self, segment: SegmentWriter) -> None:
        """Write the part's code for the current document."""

    def doubles(self) -> bool:
        """Not where nothing is made."""
        return False

    def counter(self) -> Any:
        """Return the object that counts for the part during a run (``$limit``), or ``None``."""
        return None


class Folding(Part, kw_only=True, eq=False):
    """``$group``: the end of a segment; each document is folded into the state of its key."""

    kind: ClassVar[str] = "keyed"
    key: Node
    fields: tuple[tuple[str, Accumulator, tuple[Node, ...], tuple[Node, ...]], ...]
    """Name, accumulator, parameters (over the group's key), values (over the document)."""

    def nodes(self) -> Iterable[Node]:
        """Return key and values."""
        return [self.key, *(node for _, _, _, values in self.fields for node in values)]


class Step(ABC):
    """A stage at run time that takes whole documents: sorts, joins, windows, plugins."""

    @abstractmethod
    def feed(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take documents; return what can leave at once."""

    def finish(self) -> list[dict[str, Any]]:
        """Return what was held back, at the end of input. May be called again after more input."""
        return []

    def delta(self) -> dict[bytes, bytes | None]:
        """Return the rows of state that changed since the last call, by key."""
        return {}

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take back the state that ``delta`` gave out."""
        del rows


class AnsweringStep(Step):
    """A step that answers each document on its own; a batch is asked at a time."""

    @abstractmethod
    def answers(self, documents: Sequence[dict[str, Any]]) -> Sequence[Sequence[dict[str, Any]] | BaseException]:
        """Return, for each document, what comes of it, or the error that it met."""

    def feed(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what comes of *documents*; the first error is raised."""
        made: list[dict[str, Any]] = []
        for answer in self.answers(documents):
            if isinstance(answer, BaseException):
                raise answer
            made += answer
        return made


class EachStep(AnsweringStep):
    """A step that looks at one document after the other, with whatever it keeps beside."""

    @abstractmethod
    def one(self, document: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """Return what comes of *document*.

        Raises:
            EvaluationError: the document does not fit.
        """

    def answers(self, documents: Sequence[dict[str, Any]]) -> Sequence[Sequence[dict[str, Any]] | BaseException]:
        """Return what comes of each document."""
        return [self._answer(document) for document in documents]

    def _answer(self, document: dict[str, Any]) -> Sequence[dict[str, Any]] | BaseException:
        try:
            with one_document():
                return self.one(document)
        except FAULTS as fault:
            return fault.with_traceback(None)  # else it would keep all that was made on the way


class StepPart(Part, kw_only=True, eq=False):
    """A part that runs as a :class:`Step`; *streams*: it gives out as it takes in, and holds nothing back."""

    kind: ClassVar[str] = "blocking"
    streams: ClassVar[bool] = False
    pure: bool = True
    """Whether it is a function of the documents alone."""
    _evaluators: Evaluators = msgspec.field(default_factory=dict)

    def evaluator(self, *expressions: Node) -> Evaluator:
        """Return what evaluates *expressions* of this part; its code is made once, for all runs."""
        from fluxion_core.language.compiler.nested import Evaluator

        key = tuple(map(id, expressions))
        if key not in self._evaluators:
            self._evaluators[key] = Evaluator(*expressions)
        return self._evaluators[key]

    @abstractmethod
    def start(self, environment: Any) -> Step:
        """Return the step for one run."""


def evaluation_error(fault: BaseException, path: str) -> EvaluationError:
    """Return *fault* as what a document was at fault for, with *path* where it has none of its own."""
    if isinstance(fault, EvaluationError):
        return EvaluationError(fault.message, fault.path or path)
    if isinstance(fault, RecursionError):
        return EvaluationError("a value is nested too deeply", path)
    if isinstance(fault, MemoryError):
        return EvaluationError("a value is too large", path)
    return EvaluationError(str(fault) or fault.__class__.__name__, path)


def latest(rows: Iterable[StateRow]) -> dict[str, dict[bytes, bytes]]:
    """Return, by operator id and key, the values that *rows*, a later one of a key after an earlier one, leave."""
    tables: dict[str, dict[bytes, bytes]] = {}
    for name, key, value in rows:
        if value is None:
            tables.get(name, {}).pop(key, None)
        else:
            tables.setdefault(name, {})[key] = value
    return tables
