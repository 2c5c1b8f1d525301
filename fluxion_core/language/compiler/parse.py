"""Parses expressions into nodes, and collects every problem instead of stopping at the first.

Source of the rules: MongoDB manual, "Aggregation Expressions", "Field Paths", "Variables in Aggregation Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fluxion_core.errors import EvaluationError, Problem, did_you_mean
from fluxion_core.language.allowance import begin
from fluxion_core.language.compiler import known
from fluxion_core.language.compiler.constants import problem_together
from fluxion_core.language.compiler.misplaced import misplaced
from fluxion_core.language.compiler.nodes import (
    ArrayOf,
    Call,
    Constant,
    Environment,
    Field,
    Node,
    ObjectOf,
    Outer,
    Variable,
    fold,
)
from fluxion_core.language.operators import Accumulator, Form, Operator
from fluxion_core.language.paths import DOLLAR_NAMES, get
from fluxion_core.language.values import MISSING, is_string, present, shown

__all__ = ["MAXIMUM_DEPTH", "Parser"]

MAXIMUM_DEPTH = 100
"""How deep expressions and conditions may nest; MongoDB's own limit is of the same size."""

MAXIMUM_OPERATORS = 10_000
MAXIMUM_EXPRESSIONS = 200_000
MAXIMUM_ITEMS = 1_000_000
"""How much a pipeline may hold: operators, expressions in all (every element of an array being one), and elements and characters of what
its constants come to."""

_VARIABLE = re.compile(r"(?:[a-z]|[^\x00-\x7f])(?:\w|[^\x00-\x7f])*\Z", re.ASCII)


class Parser:
    """What is known while the stages of one pipeline are parsed: operators, variables in scope, problems found so far."""

    def __init__(
        self,
        *,
        operators: Mapping[str, Operator | Form],
        accumulators: Mapping[str, Accumulator] | None = None,
        variables: Mapping[str, Any] | None = None,
        collections: Mapping[str, Any] | None = None,
        forms: Mapping[str, Any] | None = None,
        registered: Iterable[str] = (),
        pipelines: Mapping[str, Any] | None = None,
    ) -> None:
        self.operators = operators
        self.accumulators = accumulators or {}
        self.collections = collections
        self.forms = forms or {}
        self.registered = frozenset(registered)
        """Names of operators and accumulators that are not the language's own."""
        self.pipelines = pipelines or {}
        self.problems: list[Problem] = []
        self._constants = dict(variables or {})
        self._scope: list[str] = []
        self._outer: set[str] = set()
        self._reached = True
        self._counts: dict[str, int] = {}
        self._depth = 0
        self._joins = 0
        self._calling: list[str] = []
        self._refused: dict[str, str] = {}

    # ------------------------------------------------------------------------------------------------- problems

    def problem(self, where: str, message: str, hint: str = "") -> Node:
        """Keep a problem; return a node that lets parsing go on."""
        self.problems.append(Problem(where, message, hint))
        return Constant(where, None)

    def unknown(self, where: str, what: str, name: str, candidates: Iterable[str], mongodb: Iterable[str]) -> None:
        """Keep the problem that *name* is none of *candidates*; say where it stands, or that MongoDB has it, or what is close to it."""
        placed = None if name in mongodb and name in known.REASONS else misplaced(self, what, name)
        if placed is not None:
            self.problem(where, *placed)
        elif name in mongodb:
            self.problem(where, f"{what} '{name}' of MongoDB is not supported by Fluxion", known.REASONS.get(name, ""))
        else:
            self.problem(where, f"unknown {what} '{name}'", did_you_mean(name, candidates))

    # ------------------------------------------------------------------------------------------------- arguments

    def members(
        self, spec: Any, where: str, required: Sequence[str] = (), optional: Sequence[str] = (), *, nullable: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return the members of an object with fixed names, unparsed; unknown and lacking names are problems.

        Those of *nullable* are left out where they are null, as MongoDB does in the specifications that its IDL parses.
        """
        if not isinstance(spec, dict):
            names = ": ..., ".join([*(required or optional[:1]), ""]).removesuffix(", ")
            self.problem(where, f"an object was expected, not {shown(spec)}", f"write {{{names}}}")
            return {}
        allowed = [*required, *optional]
        for name in spec:
            if name not in allowed:
                self.problem(f"{where}.{name}", f"unknown argument '{name}'", did_you_mean(str(name), allowed))
        for name in required:
            if name not in spec:
                self.problem(where, f"'{name}' is missing", f"it takes {', '.join(allowed)}")
        return {name: value for name, value in spec.items() if name in allowed and not (value is None and name in nullable)}

    def arguments(self, spec: Any, where: str, required: Sequence[str] = (), optional: Sequence[str] = ()) -> dict[str, Node]:
        """Return the members of an object with fixed names, each parsed as an expression."""
        members = self.members(spec, where, required, optional)
        return {name: self.expression(value, f"{where}.{name}") for name, value in members.items()}

    def positional(self, spec: Any, where: str, minimum: int, maximum: int | None) -> list[Node]:
        """Return positional arguments; a single one may stand without a list."""
        listed = isinstance(spec, list | tuple)
        items = list(spec) if listed else [spec]
        if len(items) < minimum or (maximum is not None and len(items) > maximum):
            self.problem(where, f"takes {_arity(minimum, maximum)}, got {len(items)}")
            return [Constant(where, None)] * minimum
        return [self.expression(item, f"{where}[{index}]" if listed else where) for index, item in enumerate(items)]

    # ------------------------------------------------------------------------------------------------- variables

    @contextmanager
    def scope(self, *names: str) -> Iterator[None]:
        """Make the variables *names* visible within the block."""
        self._scope.extend(names)
        try:
            yield
        finally:
            del self._scope[len(self._scope) - len(names) :]

    @contextmanager
    def constants(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Make *values* visible as variables within the block."""
        before, self._constants = self._constants, {**self._constants, **values}
        try:
            yield
        finally:
            self._constants = before

    @contextmanager
    def calling(self, pipeline: str | None, where: str) -> Iterator[bool]:
        """Parse a pipeline within another, by its name or ``None``; the value tells whether it may: it must not call itself."""
        if pipeline in self._calling:
            self.problem(where, f"pipeline '{pipeline}' calls itself", "a pipeline may only call others")
            yield False
            return
        self._calling += [pipeline] if pipeline else []
        try:
            with self.deeper(where) as fits:
                yield fits
        finally:
            del self._calling[len(self._calling) - bool(pipeline) :]

    @contextmanager
    def refusing(self, names: Iterable[str], within: str) -> Iterator[None]:
        """Parse pipelines *within* a stage in which, however deep, the stages *names* may not stand."""
        before, self._refused = self._refused, {**self._refused, **dict.fromkeys(names, within)}
        try:
            yield
        finally:
            self._refused = before

    def check_place(self, stage: str, where: str) -> None:
        """Keep a problem if *stage* may not stand where the pipeline at *where* is."""
        if stage in self._refused:
            self.problem(where, f"{stage} cannot stand within {self._refused[stage]}")

    @contextmanager
    def joined(self, where: str) -> Iterator[None]:
        """Parse the pipeline of a join: they may nest 20 deep, as in MongoDB."""
        self._joins += 1
        if self._joins > 20:
            self.problem(where, "joins may nest 20 deep")
        try:
            yield
        finally:
            self._joins -= 1

    @contextmanager
    def inside(self, names: Iterable[str]) -> Iterator[None]:
        """Parse a pipeline within a stage: *names* come from the document outside, and nothing of the expression around is seen."""
        scope, self._scope = self._scope, []
        outer, self._outer = self._outer, self._outer | set(names)
        try:
            yield
        finally:
            self._scope, self._outer = scope, outer

    def check_variable_name(self, name: Any, where: str) -> bool:
        """Whether *name* may be given to a variable: it starts with a lower-case letter (``CURRENT`` may be bound anew)."""
        if name == "CURRENT" or (is_string(name) and _VARIABLE.match(name)):
            return True
        self.problem(
            where, f"{shown(name)} is no name for a variable", "it starts with a lower-case letter, then letters, digits, _"
        )
        return False

    @contextmanager
    def unreached(self) -> Iterator[None]:
        """Parse what no document comes to: constants there that cannot be computed are no problem."""
        before, self._reached = self._reached, False
        try:
            yield
        finally:
            self._reached = before

    # ------------------------------------------------------------------------------------------------- expressions

    def expression(self, spec: Any, where: str) -> Node:
        """Return *spec* as a node."""
        with self.deeper(where) as fits:
            if not fits or not self.fits("expressions", MAXIMUM_EXPRESSIONS, where):
                return Constant(where, None)
            node = self._expression(spec, where)
            if self._counts.get("computed items", 0) > MAXIMUM_ITEMS:  # the problem is kept; more is not computed
                return node
            begin()
            try:
                folded = fold(node)
            except EvaluationError as error:
                return self.problem(node.where, error.message) if self._reached else node
            if isinstance(node, Call) and isinstance(folded, Constant) and folded.value.__class__ in {list, str}:
                return folded if self.fits("computed items", MAXIMUM_ITEMS, where, len(folded.value)) else Constant(where, None)
            return folded

    @contextmanager
    def deeper(self, where: str) -> Iterator[bool]:
        """Go one level down for the block; the value tells whether that is still allowed."""
        fits = self._depth < MAXIMUM_DEPTH
        if not fits:
            self.problem(where, f"nested deeper than {MAXIMUM_DEPTH} levels", "split it over several stages")
        self._depth += 1
        try:
            yield fits
        finally:
            self._depth -= 1

    def fits(self, what: str, most: int, where: str, more: int = 1) -> bool:
        """Count one or *more* of *what*; tell whether the pipeline may hold it."""
        before = self._counts.get(what, 0)
        count = self._counts[what] = before + more
        if before <= most < count:
            self.problem(where, f"a pipeline may hold {most} {what}", "split it, or hand large tables in as collections")
        return count <= most

    def _expression(self, spec: Any, where: str) -> Node:
        if is_string(spec):
            return self._string(spec, where)
        if isinstance(spec, dict):
            return self._object(spec, where)
        if isinstance(spec, list | tuple):
            return ArrayOf(where, tuple(self.expression(item, f"{where}[{index}]") for index, item in enumerate(spec)))
        return Constant(where, spec)

    def _string(self, text: str, where: str) -> Node:
        if text.startswith("$$"):
            return self._variable(text, where)
        if text.startswith("$"):
            names = self.field_path(text[1:], where)
            if names is None:
                return Constant(where, None)
            return Variable(where, "CURRENT", names) if "CURRENT" in self._scope else Field(where, names)
        return Constant(where, text)

    def field_path(self, path: Any, where: str) -> tuple[str, ...] | None:
        """Return a dotted path as names; ``None`` after a problem was kept."""
        if not is_string(path):
            self.problem(where, f"a field path was expected, not {shown(path)}")
            return None
        names = tuple(path.split("."))
        if not all(names):
            self.problem(where, f"'{path}' is no field path: a name between dots is empty")
        elif any(name.startswith("$") and name not in DOLLAR_NAMES for name in names):
            self.problem(where, f"'{path}' is no field path: a field's name may not start with '$'", "use $getField")
        elif "\0" in path:
            self.problem(where, "a field path may not hold a null byte")
        elif len(names) > MAXIMUM_DEPTH * 2:
            self.problem(where, f"a field path may have {MAXIMUM_DEPTH * 2} names")
        else:
            return names
        return None

    def _variable(self, text: str, where: str) -> Node:
        name, dot, rest = text[2:].partition(".")
        names = self.field_path(rest, where) if dot else ()
        if names is None:
            return Constant(where, None)
        if name in self._scope:
            return Variable(where, name, names)
        if name in self._outer:
            return Outer(where, name, names)
        if name in {"ROOT", "CURRENT"}:
            return Field(where, names)
        if name == "NOW":
            return Environment(where, "now") if not names else Constant(where, MISSING)
        if name == "REMOVE":
            return Constant(where, MISSING)
        if name in self._constants:
            return Constant(where, get(self._constants[name], names))
        if name == "USER_ROLES":
            return Constant(where, [])  # nobody logs in here, nor at a server without access control
        if name in known.VARIABLES:
            return self.problem(where, f"variable '$${name}' of MongoDB is not supported by Fluxion")
        visible = [*self._scope, *self._constants, "ROOT", "CURRENT", "NOW", "REMOVE", "USER_ROLES"]
        return self.problem(where, f"unknown variable '$${name}'", did_you_mean(name, visible) or "declare it under variables:")

    def _object(self, spec: Mapping[Any, Any], where: str) -> Node:
        first = next(iter(spec), "")
        if is_string(first) and first.startswith("$"):
            if len(spec) == 1:
                return self.call(first, spec[first], f"{where}.{first}")
            return self.problem(where, f"an expression has one operator, not {', '.join(map(str, spec))}", "nest them")
        fields = []
        for name, value in spec.items():
            path = f"{where}.{name}"
            if not is_string(name):
                self.problem(where, f"a field's name is a string, not {shown(name)}")
            elif name.startswith("$") and name not in DOLLAR_NAMES:
                self.problem(path, f"'{name}' stands beside fields", "an operator is the only name in its object")
            elif "." in name or "\0" in name or not name:
                message = f"a field's name in an expression object may not be empty or hold a dot or a null byte: '{name}'"
                self.problem(path, message, "nest objects")
            else:
                fields.append((name, self.expression(value, path)))
        return ObjectOf(where, tuple(fields))

    def call(self, name: str, spec: Any, where: str) -> Node:
        """Return the operator *name* applied to *spec*, which stands at *where*."""
        if not self.fits("operators", MAXIMUM_OPERATORS, where):
            return Constant(where, None)
        found = self.operators.get(name)
        if found is None:
            self.unknown(where, "operator", name, self.operators, known.EXPRESSIONS)
            return Constant(where, None)
        if isinstance(found, Form):
            return found.parse(self, spec, where)
        if not found.named:
            before = len(self.problems)
            nodes = self.positional(spec, where, found.minimum, found.maximum)
            if found.commutative:
                nodes.sort(key=lambda node: isinstance(node, Constant))
            wrong = problem_together(found, nodes) if found.associative and self._reached else None
            if wrong is not None:
                self.problem(where, wrong)
            return Call(where, found, tuple(nodes)) if len(self.problems) == before else Constant(where, None)
        given = self.arguments(spec, where, found.arguments, found.optional)
        for argument in found.constants:
            if argument in given and not isinstance(given[argument], Constant):
                self.problem(f"{where}.{argument}", f"'{argument}' of {name} must be a constant, not taken from a document")
        if found.check is not None and self._check(found, given, where):
            return Constant(where, None)
        if found.null_if_missing:
            given = {
                name: Call(where, _NULL_IF_MISSING, (node,)) if name in found.optional else node for name, node in given.items()
            }
        absent = Constant(where, MISSING)
        return Call(where, found, tuple(given.get(argument, absent) for argument in (*found.arguments, *found.optional)))

    def _check(self, operator: Operator, given: Mapping[str, Node], where: str) -> bool:
        """Look at the constants among the arguments; tell whether they make the result null."""
        known = {name: node.value for name, node in given.items() if isinstance(node, Constant)}
        if operator.check is not None and (len(known) < len(given) or not operator.pure):
            try:
                return bool(operator.check(known))
            except EvaluationError as error:
                self.problem(where, error.message)
        return False


_NULL_IF_MISSING = Operator(name="$nullIfMissing", function=present, total=True)


def _arity(minimum: int, maximum: int | None) -> str:
    if maximum is None:
        return f"at least {minimum} argument{'s' * (minimum != 1)}"
    if minimum == maximum:
        return f"exactly {minimum} argument{'s' * (minimum != 1)}"
    return f"{minimum} to {maximum} arguments"
