"""Writes Python text: lines with the user's path beside each, a table of constants, and functions that never nest too deep.

The text holds no character that the user wrote: names and constants travel through the table (``k0``, ``k1``, ...), which is
filled in the order of first use, so that renaming the user's fields leaves the text as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.guesses import Guesses, Path
from fluxion_core.language.values import MISSING

__all__ = ["ALLOWANCE", "NUMBERS", "Function", "Value", "Writer"]

NUMBERS: Final = frozenset({"int", "float", "number"})
"""The kinds of values that are numbers; ``number``: a float, or a whole number of 64 bits."""

_GLOBAL: Final = re.compile(r"(?<![\w.])(?:k\d+|[MN]|str|int|float|dict|list)\b")
_LOCAL: Final = re.compile(r"(?<![\w.])[a-z]\d+\b")
_ASSIGNED: Final = re.compile(r"(?<![\w.])([a-z]\d+) :?= ")
ALLOWANCE: Final = "q0"
_LITERALS: Final = {"None": None, "True": True, "False": False}


class Value(msgspec.Struct, frozen=True, eq=False):
    """A value in the generated text: an expression without side effects, cheap to repeat (a local, a constant).

    *may_miss*: it can be ``MISSING``. *kind*: its class, if that is known: ``bool``, ``int``, ``float``, ``number``, ``str``,
    ``list``, or ``floats``: a list of them, or null.
    *demand*: where what is read of it is noted, if it comes from a decoder. *path*: where it stands in the document of the input.
    """

    local: str
    """Its text, for those who look only at its class or at what *demand* names."""
    may_miss: bool = True
    kind: str = ""
    demand: Demand | None = None
    path: Path | None = None
    doublings: int = 0
    """How often it was made of one value twice over, which costs nothing and grows without bound."""

    @property
    def text(self) -> str:
        """Its text; who asks uses the value whole."""
        if self.demand is not None:
            self.demand.use()
        return self.local


class Function(msgspec.Struct):
    """One function of the generated text while it is being written."""

    name: str
    parameters: list[str]
    lines: list[str] = msgspec.field(default_factory=list)
    paths: list[str] = msgspec.field(default_factory=list)
    indent: int = 1
    blocks: int = 0
    binds: bool = False
    """Whether what it uses of the table becomes a parameter with a default: to read a local takes half of what a global takes."""

    @property
    def head(self) -> str:
        """The line that defines it."""
        used = dict.fromkeys(_GLOBAL.findall("\n".join(self.lines))) if self.binds else ()
        return f"def {self.name}({', '.join([*self.parameters, *(f'{name}={name}' for name in used)])}):"


class Writer:
    """The generated text of one segment."""

    def __init__(self, guesses: Guesses | None = None) -> None:
        self.guesses = guesses if guesses is not None else Guesses(open=False)
        self.constants: dict[str, Any] = {}
        self.finished: list[Function] = []
        self.may_fail = False
        self.takes = False
        """Whether what is written takes from the allowance of a document."""
        self._by_value: dict[Any, str] = {}
        self._stack: list[Function] = []
        self._count = 0
        self._late: Sequence[Any] = ()
        self._put_off: list[str] = []

    # ------------------------------------------------------------------------------------------------- names

    def fresh(self, letter: str = "v") -> str:
        """Return a new local name."""
        self._count += 1
        return f"{letter}{self._count}"

    def constant(self, value: Any) -> str:
        """Return the text for *value*: a literal for the three singletons, else its name in the table."""
        for text, literal in _LITERALS.items():
            if value is literal:
                return text
        if value is MISSING:
            return "M"
        key: Any = (value.__class__, value) if value.__class__ in {str, int, tuple} else ("id", id(value))
        try:
            name = self._by_value.get(key)
        except TypeError:  # a tuple of which a part has no hash
            key = ("id", id(value))
            name = self._by_value.get(key)
        if name is None:
            name = f"k{len(self.constants)}"
            self._by_value[key] = name
            self.constants[name] = value
        return name

    # ------------------------------------------------------------------------------------------------- lines

    @property
    def function(self) -> Function:
        """The function that is being written."""
        return self._stack[-1]

    def line(self, text: str, where: str = "") -> None:
        """Write one line; *where* is the user's path if the line can raise."""
        function = self.function
        function.lines.append("    " * function.indent + text)
        function.paths.append(where)
        if where:
            self.may_fail = True

    def assign(self, text: str, where: str = "", letter: str = "v") -> str:
        """Write ``name = text``; return the name."""
        name = self.fresh(letter)
        self.line(f"{name} = {text}", where)
        return name

    def turn_away(self, test: str, node: Any = None) -> None:
        """Write that a document for which *test* holds is odd; of a *node* that may be looked at later, only note it."""
        if any(node is late for late in self._late):
            self._put_off.append(test)
        else:
            self.line(f"if {test}: raise Odd")

    @contextmanager
    def putting_off(self, nodes: Sequence[Any]) -> Iterator[list[str]]:
        """Yield a list for the tests of *nodes*, which are not written within the block; the caller writes them."""
        self._late, self._put_off = nodes, []
        yield self._put_off
        self._late = ()

    def allowance(self) -> str:
        """Return the local that is the allowance of the document at hand; the segment then begins it anew with each document."""
        self.takes = True
        return ALLOWANCE

    @property
    def position(self) -> int:
        """How many lines the function has so far; tells whether an expression needed statements."""
        return len(self.function.lines)

    @contextmanager
    def block(self, head: str, where: str = "") -> Iterator[None]:
        """Write *head* and what the block writes below it."""
        self.line(head, where)
        function = self.function
        nested = head.startswith(("for ", "while ", "try", "with "))
        function.indent += 1
        function.blocks += nested
        start = len(function.lines)
        yield
        if len(function.lines) == start:
            self.line("pass")
        function.indent -= 1
        function.blocks -= nested

    # ------------------------------------------------------------------------------------------------- functions

    @contextmanager
    def define(self, name: str, *parameters: str) -> Iterator[Function]:
        """Write a function of the module."""
        function = Function(name, list(parameters))
        self._stack.append(function)
        yield function
        self._stack.pop()
        self.finished.append(function)

    @property
    def crowded(self) -> bool:
        """Whether the current function nests so deep that what follows belongs into one of its own (CPython allows 20 blocks)."""
        return self.function.blocks > 8 or self.function.indent > 24

    @contextmanager
    def outline(self) -> Iterator[tuple[Function, str]]:
        """Write what follows into a function of its own; its parameters are the locals that it reads.

        Yields the function and the text that calls it, which is complete only after the block.
        """
        name = self.fresh("part")
        function = Function(name, [])
        self._stack.append(function)
        yield function, name
        self._stack.pop()
        text = "\n".join(function.lines)
        own = set(_ASSIGNED.findall(text)) | set(re.findall(r"for ([a-z]\d+) in", text))
        read = [found for found in dict.fromkeys(_LOCAL.findall(text)) if found not in own and found not in self.constants]
        function.parameters = ["d", "env", *read]
        self.finished.append(function)

    def call_of(self, function: Function) -> str:
        """Return the text that calls an outlined function."""
        return f"{function.name}({', '.join(function.parameters)})"

    def text(self) -> tuple[str, list[str]]:
        """Return the whole module and, line by line, the user's paths."""
        lines: list[str] = []
        paths: list[str] = []
        for function in self.finished:
            lines += [function.head, *function.lines, "", ""]
            paths += ["", *function.paths, "", ""]
        return "\n".join(lines), paths
