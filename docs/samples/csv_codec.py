"""A codec in one file: a line of comma-separated values is a document."""

import csv
import io
from typing import ClassVar

import attrs

from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import REQUIRED, Codec, Document, Options, RecordError, option

FLUXION_SPI = (1, 0)


@attrs.frozen
class CsvOptions(Options):
    columns: list[str] = option(REQUIRED, "The names of the columns, in their order.")


class CsvCodec(Codec[CsvOptions]):
    """A line of comma-separated values; every value is text."""

    name: ClassVar[str] = "csv"
    options: ClassVar[type[Options]] = CsvOptions

    def decode(self, payload: bytes) -> Document:
        try:
            values = next(csv.reader([payload.decode()], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise RecordError(f"no line of CSV: {error}") from None
        if len(values) != len(self.config.columns):
            raise RecordError(f"{len(self.config.columns)} columns were expected, not {len(values)}")
        return dict(zip(self.config.columns, values, strict=True))

    def encode(self, document: Document) -> bytes:
        values = [document.get(column, "") for column in self.config.columns]
        if not all(isinstance(value, str) and "\n" not in value for value in values):
            raise RecordError("a value is no text of one line")
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(values)
        return line.getvalue().encode()


@hookimpl
def fluxion_register_codecs() -> list[type[Codec]]:
    return [CsvCodec]
