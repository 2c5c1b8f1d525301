"""Accumulators of ours whose step is written into the generated code, and whose state lies in the group itself.

A state that is a list of its own costs a cache miss for each document, a call more than the sum that it computes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

from fluxion_core.language.compiler.nodes import Constant, Node
from fluxion_core.language.compiler.writer import NUMBERS, Value, Writer
from fluxion_core.language.operators import Accumulator

__all__ = ["NO_NUMBER", "Fold", "fold_of"]

_EXACT_BITS: Final = 53
"""Whole numbers of no more bits are floats too. Shifting a number by it costs half of comparing it with two bounds."""

_SMALL_NUMBER: Final = 1_000
"""Nine million million documents with it do not make a whole number of so many bits."""

NO_NUMBER: Final = float("nan")
"""Stands, as ``N`` in generated code, for the extreme of no numbers: it is no other NaN, and gives way to every number."""


class Fold(ABC):
    """How one accumulator is written out. *slot*: the text of its place in a group; *general*: the text of its step's function."""

    starts: ClassVar[tuple[str, ...]] = ()
    """What is in each of its places at first; none: its state has one place and is kept as the accumulator's functions know it."""

    def places(self, slot: str) -> list[str]:
        """Return the places of its state."""
        return [f"{slot}{letter}" for letter in "abcdefgh"[: len(self.starts)]]

    @abstractmethod
    def step(self, writer: Writer, slot: str, values: Sequence[Value], general: str) -> None:
        """Write what a document adds."""

    def begun(self, values: Sequence[Value]) -> list[str]:
        """Return what is in each of its places, or in its slot, after the first document; nothing: that takes a step."""
        del values
        return []

    def results(self, writer: Writer, slot: str) -> list[tuple[str, str]]:
        """Return the texts of common results, each with the test that it is right, if it is not always; else the accumulator is asked."""
        del writer, slot
        return []

    def state(self, slot: str, general: str) -> str:
        """Return the text of the state as the accumulator's functions know it."""
        del general
        return f"[{', '.join(self.places(slot))}]"

    def plain(self, slot: str) -> str:
        """Return the test that the places can be stored as they are, unless a whole number has more than 64 bits; nothing: they can."""
        del slot
        return ""

    def stored(self, slot: str) -> str:
        """Return the text of what is stored where that is so: the state, in a tuple, which is made sooner than a list."""
        return f"({', '.join(self.places(slot))})"

    def restore(self, slot: str, state: str) -> str:
        """Return the line that takes back the state from text *state*."""
        return f"{', '.join(self.places(slot))} = {state}"


class _Sum(Fold):
    starts: ClassVar[tuple[str, ...]] = ("0", "None", "0.0", "None")
    """Exact sum of whole numbers, sum of floats or ``None``, its error, sum of decimals or ``None``."""

    def step(self, writer: Writer, slot: str, values: Sequence[Value], general: str) -> None:
        (value,) = values
        if value.kind in {"float", "int"}:
            self._add(writer, slot, value)
            return
        text = value.text
        with writer.block(f"if {text}.__class__ is float:"):
            self._add(writer, slot, Value(text, kind="float"))
        with writer.block("else:" if value.kind == "number" else f"elif {text}.__class__ is int:"):
            self._add(writer, slot, Value(text, kind="int"))
        if value.kind == "number":
            return
        with writer.block(f"elif {text} is not None and {text} is not M:"):
            state = writer.assign(self.state(slot, general), letter="s")
            writer.line(f"{general}({state}, {text}); {self.restore(slot, state)}")

    def begun(self, values: Sequence[Value]) -> list[str]:
        found = list(self.starts)
        if values[0].kind not in {"float", "int"}:
            return []
        found[values[0].kind == "float"] = values[0].text
        return found

    def _add(self, writer: Writer, slot: str, value: Value) -> None:
        whole, floats, error, *_ = self.places(slot)
        text = value.text
        if value.kind == "int":
            writer.line(f"{whole} = {text} + {whole}")  # two instructions less than +=, which keeps the group on the stack
            return
        before, after, back = (writer.fresh(letter) for letter in "xyz")
        writer.line(f"{before} = {floats}")
        writer.line(f"if {before} is None: {floats} = {text}")
        with writer.block("else:"):
            writer.line(f"{floats} = {after} = {before} + {text}")
            # Dekker's sum, where it is known which of the two is greater, costs half of Knuth's and has the same error term.
            writer.line(f"if {text} <= {before} and {text} >= 0.0: {error} += {text} - ({after} - {before})")
            writer.line(
                f"else: {back} = {after} - {before}; {error} = ({before} - ({after} - {back})) + ({text} - {back}) + {error}"
            )

    def _floats(self, slot: str) -> tuple[str, str]:
        """Return a sum of floats alone, and the test that it is one: nothing else came, and it is neither infinite nor NaN."""
        whole, floats, error, decimals, *_ = self.places(slot)
        return (
            f"{floats} + {error}",
            f"{floats} is not None and {decimals} is None and not {whole} and {floats} - {floats} == 0.0",
        )

    def results(self, writer: Writer, slot: str) -> list[tuple[str, str]]:
        whole, floats, _, decimals, *_ = self.places(slot)
        del writer
        return [self._floats(slot), (whole, f"{floats} is None and {decimals} is None and not {whole} >> {_EXACT_BITS}")]

    def plain(self, slot: str) -> str:
        return f"{self.places(slot)[3]} is None"


class _Average(_Sum):
    starts: ClassVar[tuple[str, ...]] = (*_Sum.starts, "0")
    """A sum, and how many numbers it has."""

    def begun(self, values: Sequence[Value]) -> list[str]:
        found = super().begun(values)
        return [*found[:-1], "1"] if found else []

    def _add(self, writer: Writer, slot: str, value: Value) -> None:
        super()._add(writer, slot, value)
        count = self.places(slot)[4]
        writer.line(f"{count} = {count} + 1")

    def results(self, writer: Writer, slot: str) -> list[tuple[str, str]]:
        del writer
        total, test = self._floats(slot)
        return [(f"({total}) / {self.places(slot)[4]}", test)]


class _Steady(_Sum):
    """A sum of one whole number, again and again."""

    starts: ClassVar[tuple[str, ...]] = ("0",)

    def begun(self, values: Sequence[Value]) -> list[str]:
        return [values[0].text]

    def step(self, writer: Writer, slot: str, values: Sequence[Value], general: str) -> None:
        del general
        (whole,) = self.places(slot)
        writer.line(f"{whole} = {values[0].text} + {whole}")

    def results(self, writer: Writer, slot: str) -> list[tuple[str, str]]:
        (whole,) = self.places(slot)
        del writer
        return [(whole, f"not {whole} >> {_EXACT_BITS}")]

    def state(self, slot: str, general: str) -> str:
        del general
        return f"[{', '.join([*self.places(slot), *_Sum.starts[1:]])}]"

    def plain(self, slot: str) -> str:
        del slot
        return ""

    def stored(self, slot: str) -> str:
        return f"({', '.join([*self.places(slot), *_Sum.starts[1:]])})"

    def restore(self, slot: str, state: str) -> str:
        return f"{self.places(slot)[0]} = {state}[0]"


class _Small(_Steady):
    """The same of a number so small that no stream is long enough for a sum that a float could not hold."""

    def results(self, writer: Writer, slot: str) -> list[tuple[str, str]]:
        del writer
        return [(self.places(slot)[0], "")]


class _Count(Fold):
    def begun(self, values: Sequence[Value]) -> list[str]:
        del values
        return ["1"]

    def step(self, writer: Writer, slot: str, values: Sequence[Value], general: str) -> None:
        del values, general
        writer.line(f"{slot} = {slot} + 1")


class _Extreme(Fold):
    """The least or the greatest: numbers are compared in place; NaN is the least of them.

    The extreme number has a place of its own, so that nobody need ask what is there: ``N`` (see :data:`NO_NUMBER`) gives way to any.
    """

    starts: ClassVar[tuple[str, ...]] = ("N", "M")
    """The extreme of floats and whole numbers, the extreme of all else."""

    def __init__(self, sign: str) -> None:
        self._sign = sign

    def begun(self, values: Sequence[Value]) -> list[str]:
        return [values[0].text, "M"] if values[0].kind in NUMBERS else []

    def step(self, writer: Writer, slot: str, values: Sequence[Value], general: str) -> None:
        (value,) = values
        text = value.text
        if value.kind in NUMBERS:
            self._compare(writer, slot, value)
            return
        with writer.block(f"if {text}.__class__ is float or {text}.__class__ is int:"):
            self._compare(writer, slot, value)
        numbers, others = self.places(slot)
        # A decimal may be level with the number: what was there before comes before it, and stays.
        before = f"{others} if {numbers} is N else {general}({others}, {numbers})"
        writer.line(f"elif {text} is not None and {text} is not M: {others} = {general}({before}, {text})")

    def _compare(self, writer: Writer, slot: str, value: Value) -> None:
        numbers, _ = self.places(slot)
        text = value.text
        # What stays, as most do, is compared once: with NaN every comparison is false.
        nan = numbers if self._sign == "<" else text
        more = f" and ({nan} == {nan} or {numbers} is N)" if value.kind != "int" or nan == numbers else ""
        writer.line(f"if not {text} {'>=' if self._sign == '<' else '<='} {numbers}{more}: {numbers} = {text}")

    def results(self, writer: Writer, slot: str) -> list[tuple[str, str]]:
        numbers, others = self.places(slot)
        del writer
        return [(numbers, f"{others} is M and {numbers} is not N")]

    def state(self, slot: str, general: str) -> str:
        numbers, others = self.places(slot)
        return f"({others} if {numbers} is N else {numbers} if {others} is M else {general}({others}, {numbers}))"

    def plain(self, slot: str) -> str:
        numbers, others = self.places(slot)
        return f"{others} is M and {numbers} is not N"

    def stored(self, slot: str) -> str:
        return self.places(slot)[0]

    def restore(self, slot: str, state: str) -> str:
        number = f"{state}.__class__ is float or {state}.__class__ is int"
        return f"{', '.join(self.places(slot))} = ({state}, M) if {number} else (N, {state})"


_FOLDS: Final[dict[str, Fold]] = {
    "$sum": _Sum(),
    "$avg": _Average(),
    "$count": _Count(),
    "$min": _Extreme("<"),
    "$max": _Extreme(">"),
}
_STEADY: Final = _Steady()
_SMALL: Final = _Small()


def fold_of(accumulator: Accumulator, values: Sequence[Node]) -> Fold | None:
    """Return how *accumulator* over *values* is written out, or ``None``: its functions are called."""
    if accumulator.family == "plugin":
        return None
    if accumulator.name == "$sum" and isinstance(values[0], Constant) and values[0].value.__class__ is int:
        return _SMALL if abs(values[0].value) <= _SMALL_NUMBER else _STEADY
    return _FOLDS.get(accumulator.name)
