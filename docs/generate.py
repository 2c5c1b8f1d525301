"""Reference pages made from the code: components and options, the command line, the language, exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fluxion_core import errors
from fluxion_core.cli.components import options_markdown
from fluxion_core.cli.group import cli
from fluxion_core.components import KINDS
from fluxion_core.config.model import RuntimeConfig
from fluxion_core.language import allowance, dates, query, regex, registered, weighing
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.compiler import fan_out, known, parse, plan
from fluxion_core.language.encoding import encode_json
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.query import json_schema
from fluxion_core.language.stages import STAGES, fill, joined, set_window_fields
from fluxion_core.language.stages.window_examples import WINDOW_EXAMPLES
from fluxion_core.plugins import load_plugins


def write_reference(folder: Path) -> None:
    """Write every generated page into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "components.md": components_page(),
        "command-line.md": command_line_page(),
        "language.md": language_page(),
        "exit-codes.md": exit_codes_page(),
        "limits.md": limits_page(),
    }
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


_MIB = 1024 * 1024
_LIMITS: tuple[tuple[str, str, str], ...] = (
    ("stages of a pipeline", f"{plan.MAXIMUM_STAGES:,}", "MongoDB's"),
    ("stages, those of pipelines within stages counted", f"{plan.MAXIMUM_NESTED_STAGES:,}", ""),
    ("nesting of expressions, queries, schemas and pipelines", f"{parse.MAXIMUM_DEPTH} levels", "MongoDB's"),
    ("operators, and expressions in all", f"{parse.MAXIMUM_OPERATORS:,} and {parse.MAXIMUM_EXPRESSIONS:,}", ""),
    ("queries within queries, schemas within schemas", f"{query.MAXIMUM_QUERIES:,} and {json_schema.MAXIMUM_SCHEMAS:,}", ""),
    ("elements and characters that the constants come to", f"{parse.MAXIMUM_ITEMS:,}", ""),
    ("length of a regular expression", f"{regex.MAXIMUM_LENGTH:,} characters", "MongoDB's"),
    ("length of the format of a date", f"{dates.MAXIMUM_FORMAT:,} characters", ""),
    ("a document that comes in", "16 MiB of text", "MongoDB's; `runtime.max_record_bytes`"),
    (
        "a document that goes into `aggregate` or comes out of it, as Python values",
        f"{allowance.LIMIT_DOCUMENT_BYTES // _MIB} MiB as BSON",
        f"MongoDB's; {weighing.FIRST} are looked at, then one of {weighing.EACH:,}, and all once one of 1 MiB was found",
    ),
    (
        "a document that the stages make",
        f"{allowance.LIMIT_DOCUMENT_BYTES // _MIB} MiB",
        "MongoDB's; one that is written, as large as `runtime.max_record_bytes`",
    ),
    ("a single text that is made", f"{allowance.LIMIT_DOCUMENT_BYTES // _MIB} MiB", "MongoDB's"),
    ("nesting of a value that `$reduce` makes, and of a large document", f"{allowance.LIMIT_DEPTH} levels", "BSON's"),
    ("memory of all values that are made for one document", f"{allowance.LIMIT_BYTES // _MIB} MiB", ""),
    (
        "work that one document causes by loops within loops and over large values",
        f"{allowance.LIMIT_NANOSECONDS / 1e9:g} second, as it is reckoned",
        "",
    ),
    (
        "documents that come of one, where `$unwind` follows `$unwind` or `$lookup`, or goes over an array that was made",
        f"{fan_out.LIMIT_ROWS:,}",
        "`runtime.max_rows_per_record`",
    ),
    ("documents within a document that `$lookup` or `$facet` makes", f"{allowance.LIMIT_BYTES // joined.ROW_BYTES:,}", ""),
    ("documents that one `$densify` adds", f"{fill.LIMIT_DOCUMENTS:,}", "MongoDB's"),
    (
        "elements of the arrays of all windows of one `$setWindowFields`",
        f"{set_window_fields.LIMIT_GATHERED:,}, and {set_window_fields.EACH_GATHERED} for each document",
        "",
    ),
    (
        "steps of a regular expression in one text, where a loop begins at each of its places",
        f"{regex.MAXIMUM_SQUARE_STEPS:,}",
        "",
    ),
    ("steps of one with loops in a row or within each other", f"{regex.MAXIMUM_STEPS:,}", "MongoDB's engine has such a limit"),
    ("groups that are kept", f"{RuntimeConfig().max_groups:,}", "`runtime.max_groups`"),
)


def limits_page() -> str:
    """Return the page of limits."""
    rows = [f"| {what} | {most} | {note} |" for what, most, note in _LIMITS]
    return "\n".join(
        [
            "# Limits",
            "",
            "What is beyond a limit is an error with the path of what asked for it: of the pipeline when it is compiled, of the record",
            "when it is run, which the error policy answers. No clock is read, so that the answer is the same on every machine.",
            "",
            "| what | at most | whose limit, or the option that changes it |",
            "| --- | --- | --- |",
            *rows,
            "",
            "A record whose rows are counted is one whose rows are sealed together: they wait in memory, and give the record one fate.",
            "An array that stands in the input is unwound however long it is, as the input is no longer than a record may be; the rest",
            "of the document stands in each of its rows, and is not counted again.",
            "",
            f"What an operator makes is counted from {allowance.SMALL_BYTES // 1024} KiB on, and for each document anew; what a turn of",
            "`$map`, `$filter` or `$reduce` made for itself is given back after it. A document is measured where more than",
            f"{allowance.FREE_BYTES // 1024} KiB were made for it, and when it is written as JSON.",
            "",
            "A loop within another one costs so many turns, and a turn what its expressions are reckoned to take: 50 ns for one that is",
            "written inline, 500 ns for a function. Sorting, searching and copying cost by the element. So two loops over a thousand",
            "elements each are far within the limit, and two over a hundred thousand are not.",
            "",
        ]
    )


def components_page() -> str:
    """Return the page of components: those that are installed where the documentation is built."""
    components = load_plugins().components
    lines = ["# Components and their options", "", "What `fluxion components TYPE --format markdown` prints.", ""]
    for kind in KINDS:
        for component in components.all(kind):
            if kind not in {"operator", "accumulator", "runner"}:
                summary = component.summary.replace("``", "`")
                options = options_markdown(getattr(component.value, "options", None))
                lines += [
                    f"## {kind} `{component.name}`",
                    "",
                    f"{summary} ({component.provenance.distribution})",
                    "",
                    options,
                    "",
                ]
    for connection in components.connections():
        lines += [f"## connection `{connection.name}`", "", f"({connection.provenance.distribution})", ""]
        lines += [options_markdown(connection.value), ""]
    return "\n".join([*lines, "## `runtime:`", "", options_markdown(RuntimeConfig), ""])


def command_line_page() -> str:
    """Return the page of the command line: every command's help."""
    lines = ["# Command line", ""]
    context = click.Context(cli, info_name="fluxion")
    for name in ("run", "lint", "explain", "plugins", "components"):
        command = cli.get_command(context, name)
        assert command is not None
        text = command.get_help(click.Context(command, info_name=f"fluxion {name}"))
        lines += [f"## fluxion {name}", "", "```text", text, "```", ""]
    return "\n".join(lines)


def exit_codes_page() -> str:
    """Return the table of exit codes, from the exception classes."""
    rows = {0: "The source ended, or there is nothing wrong."}
    for cls in _subclasses(errors.FluxionError):
        code = cls.exit_code
        sentence = (cls.__doc__ or "").strip().splitlines()[0].rstrip(".")
        if cls.__name__.startswith("_") or (cls is not errors.PluginError and code == errors.FluxionError.exit_code):
            continue
        rows[code] = f"{rows[code]}; `{cls.__name__}`" if code in rows else f"`{cls.__name__}`: {sentence}"
    rows[70] = "A bug in Fluxion or in a plugin; " + rows[70]
    table = "\n".join(f"| {code} | {meaning} |" for code, meaning in sorted(rows.items()))
    return f"# Exit codes\n\n| Code | Meaning |\n| --- | --- |\n{table}\n| 128 + n | Ended by signal n, after draining. |\n"


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    """Give every subclass once, also one that has two of them as bases."""
    found = [sub for direct in cls.__subclasses__() for sub in (direct, *_subclasses(direct))]
    yield from dict.fromkeys(found)


def language_page() -> str:
    """Return the table of every stage, operator and accumulator, ours and MongoDB's."""
    lines = [
        "# Aggregation language",
        "",
        "Every example is executed by a test. What MongoDB has and Fluxion has not says so when a pipeline names it.",
        "",
        "## Stages",
        "",
        "| Stage | Runs | On a source that does not end | Example |",
        "| --- | --- | --- | --- |",
    ]
    for name, form in sorted(STAGES.items()):
        unbounded = form.note or ("refused" if form.kind == "blocking" else "as on one that ends")
        lines.append(f"| `{name}` | {form.kind} | {unbounded} | {_code(form.examples[0].expression)} |")
    lines += [*_unsupported(known.STAGES - set(STAGES)), "## Expressions", ""]
    families = sorted({operator.family for operator in OPERATORS.values()})
    for family in families:
        lines += [f"### {family.capitalize()}", "", "| Operator | Example | Answer |", "| --- | --- | --- |"]
        for name, operator in sorted(OPERATORS.items()):
            if operator.family == family:
                example = operator.examples[0]
                lines.append(f"| `{name}` | {_code(example.expression)} | {_code(example.expected)} |")
        lines.append("")
    lines += [*_unsupported(known.EXPRESSIONS - set(OPERATORS)), "## Accumulators", ""]
    lines += ["| Accumulator | Example | Answer |", "| --- | --- | --- |"]
    for name, accumulator in sorted(ACCUMULATORS.items()):
        example = accumulator.examples[0]
        lines.append(f"| `{name}` | {_code(example.expression)} | {_code(example.expected)} |")
    example = registered.ACCUMULATOR_EXAMPLE
    lines.append(f"| `$accumulator` | {_code(example.expression)} | {_code(example.expected)} |")
    lines += ["", "## Window functions of `$setWindowFields`", "", "Accumulators, and:", ""]
    lines += ["| Function | Example | Answers |", "| --- | --- | --- |"]
    for name, example in sorted(WINDOW_EXAMPLES.items()):
        lines.append(f"| `{name}` | {_code(example.expression[0]['$setWindowFields'])} | {_code(example.expected)} |")
    lines += [*_unsupported(known.ACCUMULATORS - {*ACCUMULATORS, *WINDOW_EXAMPLES, "$accumulator"})]
    lines += ["## Query operators of `$match`", ""]
    lines += ["| Operator | Example | Keeps | Drops |", "| --- | --- | --- | --- |"]
    for name, example in sorted(query.EXAMPLES.items()):
        dropped = [document for document in example.documents if document not in example.expected]
        cells = (example.expression[0]["$match"], example.expected, dropped)
        lines.append(f"| `{name}` | {' | '.join(map(_code, cells))} |")
    lines += _unsupported(known.QUERIES - query.NAMES)
    return "\n".join(lines)


def _unsupported(names: Any) -> list[str]:
    """Return what MongoDB has and we have not, each with the reason where there is one."""
    if not names:
        return ["", "Nothing of MongoDB's is missing.", ""]
    rows = [f"| `{name}` | {known.REASONS.get(name, 'not yet')} |" for name in sorted(names)]
    return ["", "Not supported:", "", "| Name | Why |", "| --- | --- |", *rows, ""]


def _code(value: Any) -> str:
    try:
        text = json.dumps(json.loads(encode_json(value)), ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return f"`{text.replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    write_reference(Path(__file__).parent / "reference" / "generated")
