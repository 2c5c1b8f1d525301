"""The contract of a stage that a plugin adds to the language.

A pure, per-document computation is better written as an operator (:class:`fluxion_core.language.Operator`); a stage is for what
replaces, drops or multiplies whole documents, or needs the outside world.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from fluxion_core.errors import Problem
from fluxion_core.spi.batch import Document
from fluxion_core.spi.context import Context

__all__ = ["Stage", "StageAnswer"]

StageAnswer: TypeAlias = "Sequence[Document] | Exception"
"""What became of one document: the documents in its place (none drops it), or the error that it met."""


class Stage(ABC):
    """One ``{"$name": specification}`` of a pipeline; made once per run, called once per batch from one thread."""

    name: ClassVar[str]
    """The stage's name with its ``$``; a name of MongoDB's is refused."""
    summary: ClassVar[str] = ""
    """One sentence for ``fluxion components``."""
    pure: ClassVar[bool] = False
    """Whether the answer depends on the documents alone (no clock, no network)."""

    def __init__(self, specification: Any) -> None:
        """Keep the specification, which ``check`` has found good."""
        self.specification = specification

    @classmethod
    @abstractmethod
    def check(cls, specification: Any) -> Sequence[Problem]:
        """Return what is wrong with *specification*; each problem's path is relative to the stage. Reaches nothing outside."""

    def open(self, context: Context) -> None:
        """Make ready; called once before the first batch. May raise ``TransientError`` or ``FatalError``."""
        del context

    @abstractmethod
    def process(self, documents: Sequence[Document]) -> Sequence[StageAnswer]:
        """Return one answer per document, in order. *documents* must not be changed; may block.

        Raises:
            TransientError: nothing of the batch took place; the same batch comes again.
        """

    def close(self) -> None:
        """Let go of everything; may be called twice or never."""
