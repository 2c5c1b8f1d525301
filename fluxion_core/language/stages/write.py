"""``$out $merge``: the result into a collection that was handed to ``aggregate``; in a pipeline file a sink does this.

The collections are changed at the end of input, all at once or, after an error, not at all.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.collections import NONE_GIVEN, names_collection
from fluxion_core.language.compiler.nested import Nested, parse_nested
from fluxion_core.language.compiler.nodes import Node
from fluxion_core.language.compiler.parts import StageForm, Step, StepPart
from fluxion_core.language.operators import Example
from fluxion_core.language.ordering import identity
from fluxion_core.language.paths import get
from fluxion_core.language.stages.held import Held
from fluxion_core.language.values import MISSING, is_string, kind, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES"]

Collections = MutableMapping[str, Any]
Rows = Sequence[dict[str, Any]]
_MATCHED: Final = ("replace", "keepExisting", "merge", "fail")
_NOT_MATCHED: Final = ("insert", "discard", "fail")
_ONLY_INSERT: Final = ("keepExisting", "fail")
_INTERNAL: Final = ("admin", "config", "local")
_NAME_END: Final = 64
_NAMESPACE_BYTES: Final = 255
"""The longest name of a database and of a collection in it, with the dot between them."""
_UPDATES: Final = {"$addFields", "$set", "$project", "$unset", "$replaceRoot", "$replaceWith"}


def _collections(parser: Parser, where: str) -> Collections | None:
    if isinstance(parser.collections, MutableMapping) and parser.collections is not NONE_GIVEN:
        return parser.collections
    hint = "name the sink in the pipeline's sink:"
    if parser.collections is NONE_GIVEN:
        hint = "aggregate gives the result to its caller; pass collections={}, and it is in there afterwards"
    parser.problem(where, f"stage '{where.rpartition('.')[2]}' is what a sink does", hint)
    return None


def _target(parser: Parser, spec: Any, where: str, *, database_required: bool) -> str | None:
    name = spec
    if isinstance(spec, dict):
        names = ("coll", "db") if database_required else ("coll",)
        name = parser.members(spec, where, names, () if database_required else ("db",)).get("coll")
        if "db" in spec and not _names_database(spec["db"]) and (database_required or not _is_left_out(spec["db"])):
            parser.problem(f"{where}.db", f"the name of a database was expected, not {shown(spec['db'])}")
    database = spec.get("db") if isinstance(spec, dict) else None
    if names_collection(name) and not name.startswith("system.") and _fits(name, database):
        return str(name)
    parser.problem(where, f"the name of a collection was expected, not {shown(name)}")
    return None


def _fits(name: str, database: Any) -> bool:
    """Whether *name* is short enough together with that of its database, which has a letter at least."""
    return len(name.encode()) + max(1, len(database.encode()) if is_string(database) else 0) < _NAMESPACE_BYTES


def _is_left_out(name: Any) -> bool:
    return name is None or (is_string(name) and not name)


def _names_database(name: Any) -> bool:
    if not is_string(name) or name in _INTERNAL:
        return False
    return 0 < len(name.encode()) < _NAME_END and not any(letter in name for letter in '\0/\\. "')


def _check_id(value: Any, stage: str) -> None:
    """Refuse an ``_id`` that no collection takes: an array, a regular expression, an object with a name that begins with ``$``."""
    name = kind(value)
    if name in {"array", "regex"} or (name == "object" and any(key.startswith("$") for key in value)):
        raise EvaluationError(f"{stage}: an _id cannot be {'such an' if name == 'object' else 'of type'} {name}")


# --------------------------------------------------------------------------------------------------- $out


class Out(StepPart, kw_only=True, eq=False):
    """Replaces a collection by the result."""

    collections: Collections
    target: str

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        del environment

        def arrange(documents: Rows) -> Rows:
            for document in documents:
                _check_id(document.get("_id"), "$out")
            keys = [identity(document["_id"]) for document in documents if "_id" in document]
            if len(set(keys)) != len(keys):
                raise EvaluationError("$out: two documents have the same _id")
            self.collections[self.target] = list(documents)
            return ()

        return Held(arrange)


def _parse_out(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    collections = _collections(parser, where)
    if not isinstance(spec, str | dict):
        parser.problem(where, f"the name of a collection was expected, not {shown(spec)}")
        return []
    target = _target(parser, spec, where, database_required=True)
    return [] if collections is None or target is None else [Out(where=where, collections=collections, target=target)]


# --------------------------------------------------------------------------------------------------- $merge


class Merge(StepPart, kw_only=True, eq=False):
    """Merges the result into a collection."""

    collections: Collections
    target: str
    on: tuple[tuple[str, ...], ...]
    matched: str | Nested
    bindings: tuple[tuple[str, Node], ...]
    not_matched: str

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        evaluate = self.evaluator(*(node for _, node in self.bindings)) if self.bindings else None

        def arrange(documents: Rows) -> Rows:
            rows = list(self.collections.get(self.target, ()))
            places = {self._key(row, strict=False): place for place, row in enumerate(rows)}
            ids = {identity(row["_id"]) for row in rows if "_id" in row}
            for document in documents:
                key = self._key(document, strict=True)
                place = None if key is None else places.get(key)
                if place is None:
                    self._insert(rows, document, ids)
                    if self.not_matched == "insert" and key is not None:
                        places[key] = len(rows) - 1
                else:
                    values = evaluate.row(environment, document) if evaluate is not None else ()
                    rows[place] = self._merged(rows[place], document, values, environment)
            self.collections[self.target] = rows
            return ()

        return Held(arrange)

    def _key(self, document: dict[str, Any], *, strict: bool) -> Any:
        """Return what *document* is found by; ``None`` where a part of it is missing: such a document matches no other one."""
        values = [get(document, names) for names in self.on]
        for names, value in zip(self.on, values, strict=True):
            if strict and (value is None or value.__class__ is list or (value is MISSING and names != ("_id",))):
                raise EvaluationError(f"$merge: '{'.'.join(names)}' must be there and be neither null nor an array")
        return None if any(value is MISSING for value in values) else tuple(identity(value) for value in values)

    def _insert(self, rows: list[dict[str, Any]], document: dict[str, Any], ids: set[Any]) -> None:
        if self.not_matched == "fail":
            raise EvaluationError("$merge: a document has no match in the collection")
        if self.not_matched == "insert":
            if "_id" in document:
                _check_id(document["_id"], "$merge")
                key = identity(document["_id"])
                if key in ids:
                    raise EvaluationError("$merge: the collection has a document with this _id already")
                ids.add(key)
            rows.append(document)

    def _merged(self, old: dict[str, Any], new: dict[str, Any], values: Sequence[Any], environment: Any) -> dict[str, Any]:
        if isinstance(self.matched, Nested):
            outer = {name: value for (name, _), value in zip(self.bindings, values, strict=True)}
            (made,) = self.matched.run([old], {"new": new, **outer}, environment)
            if "_id" in old and identity(made.get("_id", old["_id"])) != identity(old["_id"]):
                raise EvaluationError("$merge: the pipeline must not change the _id")
            return made if "_id" in made or "_id" not in old else {"_id": old["_id"], **made}
        if self.matched == "fail":
            raise EvaluationError("$merge: a document has a match in the collection")
        if self.matched == "keepExisting":
            return old
        made = {**old, **new} if self.matched == "merge" else dict(new)
        if "_id" in old:
            if "_id" in made and identity(made["_id"]) != identity(old["_id"]):
                raise EvaluationError("$merge must not change the _id of a document")
            made["_id"] = old["_id"]
        return made


def _parse_merge(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    collections = _collections(parser, where)
    if is_string(spec):
        spec = {"into": spec}
    nullable = ("let", "whenNotMatched")
    members = parser.members(spec, where, ("into",), ("on", "whenMatched", *nullable), nullable=nullable)
    if "into" not in members:
        return []
    target = _target(parser, members["into"], f"{where}.into", database_required=False)
    on = _on(parser, members.get("on", "_id"), f"{where}.on")
    not_matched = members.get("whenNotMatched", "insert")
    if not_matched not in _NOT_MATCHED:
        parser.problem(f"{where}.whenNotMatched", f"{', '.join(_NOT_MATCHED)} was expected, not {shown(not_matched)}")
    bindings = _bindings(parser, members.get("let", {}), f"{where}.let")
    given = members.get("whenMatched", "merge")
    matched: str | Nested
    if isinstance(given, list):
        names = {name for name, _ in bindings}
        if "let" not in members or not_matched == "insert":
            names.add("new")
        matched = _matched_pipeline(parser, given, f"{where}.whenMatched", sorted(names))
    else:
        if given not in _MATCHED:
            parser.problem(f"{where}.whenMatched", f"{', '.join(_MATCHED)} or a pipeline was expected, not {shown(given)}")
        elif given in _ONLY_INSERT and not_matched != "insert":
            parser.problem(where, f"whenMatched: {given} goes with whenNotMatched: insert only, not with {shown(not_matched)}")
        if "let" in members:
            parser.problem(f"{where}.let", "let needs a pipeline in whenMatched")
        matched = given
    if collections is None or target is None:
        return []
    return [
        Merge(
            where=where,
            collections=collections,
            target=target,
            on=on,
            matched=matched,
            bindings=bindings,
            not_matched=str(not_matched),
        )
    ]


def _bindings(parser: Parser, let: Any, where: str) -> tuple[tuple[str, Node], ...]:
    if not isinstance(let, dict):
        parser.problem(where, f"an object of variables was expected, not {shown(let)}")
        return ()
    if let.get("new", "$$ROOT") != "$$ROOT":
        parser.problem(f"{where}.new", "'new' is the document that is merged and nothing else", "name the variable otherwise")
    return tuple(
        (name, parser.expression(value, f"{where}.{name}"))
        for name, value in let.items()
        if parser.check_variable_name(name, f"{where}.{name}")
    )


def _matched_pipeline(parser: Parser, stages: Sequence[Any], where: str, names: Sequence[str]) -> Nested:
    for index, stage in enumerate(stages):
        if isinstance(stage, dict) and set(stage) - _UPDATES:
            parser.problem(f"{where}[{index}]", f"{next(iter(stage))} cannot stand here")
    return parse_nested(parser, stages, where, names)


def _on(parser: Parser, given: Any, where: str) -> tuple[tuple[str, ...], ...]:
    names = [given] if is_string(given) else given
    if not isinstance(names, list) or not names or not all(is_string(name) for name in names):
        parser.problem(where, f"a field or an array of fields was expected, not {shown(given)}")
        return ()
    if len(set(names)) != len(names):
        parser.problem(where, "a field is given twice")
    paths = [parser.field_path(name, where) for name in names]
    return tuple(path for path in paths if path is not None)


STAGES = (
    StageForm(
        name="$out",
        parse=_parse_out,
        kind="blocking",
        note="only with aggregate(collections=...); in a pipeline a sink does this",
        examples=[Example([{"$out": "target"}], [], documents=[{"_id": 1}])],
    ),
    StageForm(
        name="$merge",
        parse=_parse_merge,
        kind="blocking",
        note="only with aggregate(collections=...); in a pipeline a sink does this",
        examples=[Example([{"$merge": {"into": "target"}}], [], documents=[{"_id": 1}])],
    ),
)
