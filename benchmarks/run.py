"""Runs suites, keeps their results, and writes the report.

    python benchmarks/run.py [SUITE ...] [--documents N] [--rounds N] [--smoke]
    python benchmarks/run.py report        only the report, from the results that are there

Without names, every suite runs. ``--smoke`` measures nothing worth reading: every suite runs once over a small input, and what is
compared with each other must agree; results and report go to a temporary folder.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import report
from measure import HERE, Setting, engine_command, run_process
from results import FOLDER, about_this_run, write_results

SUITES = ("engine", "runtime", "peers", "data", "growth", "latency", "startup", "cores", "profile")
SMOKE_DOCUMENTS = 2_000
PAGE = HERE.parent / "docs" / "explanation" / "performance.md"


def suite(name: str) -> ModuleType:
    return importlib.import_module(f"suites.{name}")


def warm(setting: Setting) -> None:
    """Let every contender write its bytecode before anything is measured."""
    for contender in ("hand", "tuned", "fluxion", "messages", "decoded", "dicts", "plain_dicts", "runtime"):
        output = setting.output("warm", contender)
        run_process(engine_command(contender, "stateless", setting.input(100), output), output)


def measure(name: str, setting: Setting, results: Path) -> None:
    """Run one suite and write its results, or say why it cannot run here."""
    started, facts = time.monotonic(), about_this_run()
    found: Any = suite(name).run(setting)
    if isinstance(found, str):
        print(f"{name}: not run: {found}", flush=True)
        return
    about = {**facts, "documents": setting.documents, "rounds": setting.rounds}
    rows, more = found if isinstance(found, tuple) else (found, {})
    write_results(name, about, rows, results, **more)
    print(f"{name}: {time.monotonic() - started:.0f} seconds", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, "report", []])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    everything = [name for name in SUITES if not (options.smoke and name == "peers")]  # the others take a minute to load
    chosen = [name for name in options.suites if name != "report"] if options.suites else everything
    documents, rounds = (SMOKE_DOCUMENTS, 1) if options.smoke else (options.documents, options.rounds)
    with tempfile.TemporaryDirectory(prefix="fluxion-bench-") as folder:
        scratch = Path(folder)
        results, page = (scratch / "results", scratch / "performance.md") if options.smoke else (FOLDER, PAGE)
        setting = Setting(documents, rounds, scratch, smoke=options.smoke)
        if chosen and not options.smoke:
            warm(setting)
        for name in chosen:
            measure(name, setting, results)
        report.write(page, results, {name: suite(name) for name in SUITES})
        print("what was compared agreed" if options.smoke else f"report: {page.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
