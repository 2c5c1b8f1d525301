"""The command line as a person uses it: another process, its two streams, and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest


@attrs.frozen
class Outcome:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Both streams as lines."""
        return [*self.out.splitlines(), *self.err.splitlines()]


@attrs.frozen
class Shell:
    """Runs ``fluxion`` in *folder*."""

    folder: Path

    def arguments(self, *arguments: str) -> list[str]:
        """Return the whole command."""
        return [sys.executable, "-c", "from fluxion_core.cli import main; main()", *arguments]

    def fluxion(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Outcome:
        """Run to the end, for a minute at most."""
        done = subprocess.run(
            self.arguments(*arguments),
            cwd=self.folder,
            env={**os.environ, **environment},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start and return the process, its standard error as text."""
        return subprocess.Popen(
            self.arguments(*arguments),
            cwd=self.folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, content: str | bytes | Sequence[Any]) -> Path:
        """Write a file: text, bytes, or documents as lines."""
        path = self.folder / name
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text("".join(json.dumps(document) + "\n" for document in content))
        return path

    def pipeline(self, name: str = "p.yaml", **parts: Any) -> str:
        """Write a pipeline file from a file to a file, with *parts* of it replaced; return its name."""
        whole = {
            "id": "p",
            "source": {"type": "file", "path": "in.ndjson"},
            "sink": {"type": "file", "path": "out.ndjson"},
            "state": {"type": "sqlite", "path": "state.db"},
        }
        self.write(name, json.dumps({**whole, **parts}, indent=1))
        return name


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
