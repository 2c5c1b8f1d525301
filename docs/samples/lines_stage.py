"""A stage in one file: a document for every line of a text."""

from collections.abc import Sequence
from typing import Any, ClassVar

from fluxion_core.errors import Problem
from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Document, RecordError, Stage, StageAnswer

FLUXION_SPI = (1, 0)


class Lines(Stage):
    """Makes a document of every line of a text; of one without the field, none."""

    name: ClassVar[str] = "$lines"
    pure: ClassVar[bool] = True  # the answer depends on the document alone

    @classmethod
    def check(cls, specification: Any) -> list[Problem]:
        if not isinstance(specification, dict):
            return [Problem("", "an object was expected", "write {field: text}")]
        if not isinstance(specification.get("field"), str):
            return [Problem("field", "the name of a field was expected", "write field: text")]
        return [Problem(name, "is not known", "only field is") for name in specification if name != "field"]

    def process(self, documents: Sequence[Document]) -> list[StageAnswer]:
        return [self._answer(document) for document in documents]

    def _answer(self, document: Document) -> StageAnswer:
        field = self.specification["field"]
        text = document.get(field, "")
        if not isinstance(text, str):
            return RecordError(f"{field} is no text")  # this document is at fault: the error policy decides
        return [{**document, field: line} for line in text.splitlines()]  # new documents: what came in stays as it is


@hookimpl
def fluxion_register_stages() -> list[type[Stage]]:
    return [Lines]
