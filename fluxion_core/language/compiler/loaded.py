"""Generated text turned into functions, with what a debugger and an error message need to know about it."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from typing import Any, Literal
from zlib import crc32

import msgspec

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.folds import NO_NUMBER
from fluxion_core.language.compiler.group_columns import group_class
from fluxion_core.language.compiler.guesses import Classes, Odd
from fluxion_core.language.compiler.likely import Likely
from fluxion_core.language.compiler.parts import FAULTS, Folding
from fluxion_core.language.compiler.segment import Segment
from fluxion_core.language.compiler.written import Written, row_class
from fluxion_core.language.values import MISSING

__all__ = ["Loaded", "SegmentStep"]


class Loaded:
    """A segment's generated text, turned into a function."""

    def __init__(
        self,
        written: Written,
        name: str,
        folding: Folding | None,
        general: Loaded | None = None,
        likely: Likely | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.written = written
        self.general = general
        """The code for documents of any classes, if this is for some only."""
        self.likely = likely
        """What its documents are decoded into, if the decoder looks at the classes."""
        checksum = crc32("\0".join([written.text, *map(repr, written.constants)]).encode())
        self.filename = f"<fluxion {name} {checksum:08x}>"
        linecache.cache[self.filename] = (len(written.text), None, written.text.splitlines(keepends=True), self.filename)
        self.namespace: dict[str, Any] = {
            **written.constants,
            **{
                key: names[value]
                for key, value in written.constants.items()
                if names and value.__class__ is str and value in names
            },
            "M": MISSING,
            "N": NO_NUMBER,
            "FAULTS": FAULTS,
            "EvaluationError": EvaluationError,
            "Odd": Odd,
        }
        if folding is not None:
            self.namespace["Group"] = group_class(folding)
        if written.row_form == "struct":
            self.namespace["Row"] = row_class(written.row_fields)
        exec(compile(written.text, self.filename, "exec"), self.namespace)  # noqa: S102  # the compiler's own text; user text stays in the table
        self.function = self.namespace["segment"]

    def path_of(self, fault: BaseException) -> str:
        """Return the user's path of the expression that raised *fault*."""
        path = ""
        trace = fault.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename:
                path = self.written.paths[trace.tb_lineno - 1] or path
            trace = trace.tb_next
        return path


class SegmentStep(msgspec.Struct, frozen=True, kw_only=True):
    """A segment in the plan; its code is loaded per form of input and output."""

    segment: Segment
    name: str
    _loaded: dict[Any, Loaded] = msgspec.field(default_factory=dict)

    def load(
        self,
        *,
        records: bool = False,
        output: Literal["dict", "struct", "index"] = "dict",
        each: bool = False,
    ) -> Loaded:
        """Return the code for one form of input and output."""
        key = (records, output, each)
        found = self._loaded.get(key)
        if found is None:
            written = self.segment.write(records=records, output=output, each=each)
            found = Loaded(written, self.name, self.segment.folding)
            self._loaded[key] = found
        return found

    def load_for(
        self,
        classes: Classes,
        general: Loaded,
        *,
        once: bool = False,
        decoded: bool = False,
        names: Mapping[str, str] | None = None,
    ) -> Loaded:
        """Return the code for the documents of *general* that have *classes*; *decoded*: the decoder has looked at those already.

        *names*: of fields, as documents have them. *once*: the run ends with the first failure, and nobody asks what changed or how many documents got where.
        """
        form = next(form for form, loaded in self._loaded.items() if loaded is general)
        key = (form, tuple(classes.items()), decoded, once)
        found = self._loaded.get(key)
        if found is None:
            _, output, each = form
            likely = Likely(general.written.demand, classes) if decoded and general.written.demand is not None else None
            written = self.segment.write_for(classes, general.written, likely, output=output, each=each, once=once)
            found = self._loaded[key] = Loaded(written, self.name, self.segment.folding, general, likely, names)
        return found
