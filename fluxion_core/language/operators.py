"""The descriptors of operators and accumulators, the same for ours and for a plugin's.

A plugin adds an operator with one function and one descriptor::

    def shout(text):
        if text is None or text is MISSING:
            return None
        if not isinstance(text, str):
            raise EvaluationError(f"$shout needs a string, got {type_name(text)}")
        return text.upper() + "!"

    SHOUT = Operator(name="$shout", function=shout, examples=[Example({"$shout": "hi"}, "HI!")])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from fluxion_core.language.compiler.nodes import Node
    from fluxion_core.language.compiler.parse import Parser

    ParseForm = Callable[[Parser, Any, str], Node]
    ParseAccumulator = Callable[[Parser, Any, str], tuple[Sequence[Node], Sequence[Node]]]
else:  # a struct's annotations are evaluated when its signature is asked for
    ParseForm = ParseAccumulator = Callable

__all__ = ["Accumulator", "Example", "Form", "Operator"]

_NAME = re.compile(r"\$[a-zA-Z][a-zA-Z0-9_]*\Z")


class _Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """What all descriptors have: a name that can be one, and tuples where any sequence may be given."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            msg = f"the name of an operator is '$' and letters or digits, not {self.name!r}"
            raise ValueError(msg)
        for field in self.__struct_fields__:
            given = getattr(self, field)
            if given.__class__ is list:
                msgspec.structs.force_setattr(self, field, tuple(given))


class Example(msgspec.Struct, frozen=True):
    """*expression* evaluated on *document* gives *expected*; ``error=True`` says that it must raise instead.

    For an accumulator the expression is applied over *documents*.
    """

    expression: Any
    expected: Any = None
    document: Mapping[str, Any] = {}
    documents: Sequence[Mapping[str, Any]] = ()
    error: bool = False


class Operator(_Descriptor, frozen=True, kw_only=True):
    """An expression operator that is a function of its evaluated arguments.

    Attributes:
        name: ``$`` and letters.
        function: gets the values of the arguments, each a plain value or ``MISSING``; returns a plain value or ``MISSING`` and
            neither changes nor keeps what it got. Raises ``EvaluationError(message)`` where MongoDB raises; the program adds the path.
        minimum: least number of positional arguments.
        maximum: greatest number of positional arguments; ``None`` for no limit. One argument may be written without a list.
        arguments: names of the required arguments when they are given as an object (``{$dateAdd: {startDate: ...}}``), passed in
            this order; positional forms are then refused.
        optional: names of further arguments, passed after the required ones, ``MISSING`` where left out.
        null_if_missing: an optional argument that was written down and comes to nothing is null, not left out.
        check: gets those arguments that are constants, by name, when the pipeline is compiled and the operator is not computed then
            already; raises ``EvaluationError`` for one that is wrong whatever the documents hold, answers true where they make the
            result null.
        constants: names of arguments that must be known when the pipeline is compiled (SQL text, the name of a connection).
        total: never raises, whatever the arguments; lets the compiler leave out bookkeeping.
        pure: a function of the arguments alone. An *effectful* operator (``pure=False``) has ``evaluate_batch`` in place of
            ``function`` and is asked once per batch.
        commutative: constants are looked at last, so that a null in the document decides before an error among them.
        associative: "left" or "fully" where constants that stand together are computed while the pipeline is read, those at the head or
            any; one that is wrong among them is then refused whatever the documents hold.
        spared_from: place of the first argument that MongoDB does not come to where one before it is null; what fails from there on is
            no failure then, and *function*, which gets null in its place, answers with the first null.
        foldable: may be computed at compile time when all arguments are constants.
        evaluate_batch: ``(calls, effects) -> answers``: *calls* holds the argument values of every document of a batch (a tuple
            for positional operators, a dict for named arguments), *answers* one value per call, or an exception object for a call
            that failed on its own (``RecordError``).
        connection: for an effectful operator with an argument ``connection``: the type of the connections that it takes, and
            their options class, so that a pipeline's connections are checked before anything is asked.
        summary: one sentence for ``fluxion components``: what it answers.
        examples: executed by a test, shown in the reference.
        family: the heading of MongoDB's manual under which the operator is found.
    """

    function: Callable[..., Any] | None = None
    minimum: int = 1
    maximum: int | None = 1
    arguments: Sequence[str] = ()
    optional: Sequence[str] = ()
    null_if_missing: bool = False
    check: Callable[[Mapping[str, Any]], bool | None] | None = None
    constants: Sequence[str] = ()
    total: bool = False
    pure: bool = True
    commutative: bool = False
    associative: Literal["", "left", "fully"] = ""
    spared_from: int = 0
    foldable: bool = True
    evaluate_batch: Callable[[Sequence[Any], Any], Sequence[Any]] | None = None
    connection: tuple[str, Any] | None = None
    summary: str = ""
    examples: Sequence[Example] = ()
    family: str = "plugin"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.function is None) == (self.evaluate_batch is None):
            msg = f"operator {self.name}: give a function, or evaluate_batch with pure=False, and not both"
            raise ValueError(msg)
        if self.pure != (self.evaluate_batch is None):
            msg = f"operator {self.name}: evaluate_batch belongs to pure=False, a function to pure=True"
            raise ValueError(msg)

    @property
    def named(self) -> bool:
        """Whether the arguments are given as an object."""
        return bool(self.arguments or self.optional)


class Form(_Descriptor, frozen=True, kw_only=True):
    """An operator with a meaning of its own for its arguments (lazy, scoped, or literal): it parses itself into nodes.

    ``parse(parser, spec, where)`` returns the node; problems go to ``parser.problem(where, message, hint)``.
    """

    parse: ParseForm
    examples: Sequence[Example] = ()
    family: str = "plugin"


def _as_is(state: Any) -> Any:
    return state


class Accumulator(_Descriptor, frozen=True, kw_only=True):
    """Folds the documents of a group (or of a window) into one value.

    Attributes:
        name: ``$`` and letters.
        initial: ``initial(*parameters) -> state``, once per group.
        step: ``step(state, *values) -> state`` for every document; may change *state* in place and must return it. Must not raise
            unless ``total`` is false; then the record fails and the state must not have changed.
        check: ``check(value) -> value`` for an accumulator of one argument whose values can be wrong: raises ``EvaluationError``, or returns
            what ``step`` then takes without raising. It is asked about all documents of a record before any of them is folded; with a
            ``step`` that may raise, the states are dumped before and loaded again where one of them does.
        result: ``result(state) -> value``; may be asked again and again while the group grows, and must not change the state.
        dump: state -> plain value for the state store; load: the way back.
        parameters: names of arguments that are evaluated once per group (``n`` of ``$topN``): of the fields of its ``_id``, if that is an
            object, as in MongoDB; in a window they must be constants.
        arguments: names of arguments that are evaluated per document. No names at all: the spec itself is the one argument.
        optional: those of ``parameters`` and ``arguments`` that may be left out (``MISSING``).
        parse: for accumulators whose spec is more than expressions (``$topN``'s ``sortBy``):
            ``parse(parser, spec, where) -> (parameter nodes, value nodes)``.
        total: ``step`` never raises.
        group, window: where it may stand.
        summary: one sentence for ``fluxion components``: what it makes of a group.
        family: the heading of the manual.
    """

    initial: Callable[..., Any]
    step: Callable[..., Any]
    result: Callable[[Any], Any] = _as_is
    dump: Callable[[Any], Any] = _as_is
    load: Callable[[Any], Any] = _as_is
    parameters: Sequence[str] = ()
    arguments: Sequence[str] = ()
    optional: Sequence[str] = ()
    parse: ParseAccumulator | None = None
    check: Callable[[Any], Any] | None = None
    total: bool = True
    group: bool = True
    window: bool = True
    summary: str = ""
    examples: Sequence[Example] = ()
    family: str = "plugin"
