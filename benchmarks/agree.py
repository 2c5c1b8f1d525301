"""Whether the outputs of several contenders say the same."""

from __future__ import annotations

import filecmp
import math
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

__all__ = ["check"]


def check(job: str, outputs: Sequence[Path], *, ignored: Collection[str] = ()) -> None:
    """Exit unless every output says what the first one says, floats within 1e-9; *ignored* fields are not looked at.

    Runs in a process of its own: its memory must not be inherited by what is measured next.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _compare(job, outputs, frozenset(ignored))
            code = 0
        except SystemExit as difference:
            print(difference, file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(f"{job}: the outputs disagree")


def _compare(job: str, outputs: Sequence[Path], ignored: frozenset[str]) -> None:
    others = [path for path in outputs[1:] if not filecmp.cmp(outputs[0], path, shallow=False)]
    if not others:
        return
    expected = _outcome(outputs[0], ignored)
    for path in others:
        found = _outcome(path, ignored)
        if not _same(expected, found):
            different = [key for key in expected.keys() | found.keys() if not _same(expected.get(key), found.get(key))]
            key = different[0]
            sys.exit(f"{job}: {path.name} differs in {len(different)} keys; {key!r}: {expected.get(key)} and {found.get(key)}")


def _outcome(path: Path, ignored: frozenset[str]) -> dict[bytes, Any]:
    """Return the output by ``_id`` or ``orderId``; of several lines with one key the last counts."""
    import orjson

    rows: dict[bytes, Any] = {}
    with path.open("rb") as lines:
        for line in lines:
            row = orjson.loads(line)
            for name in ignored:
                row.pop(name, None)
            rows[orjson.dumps(_whole(row.get("_id", row.get("orderId"))), option=orjson.OPT_SORT_KEYS)] = row
    return rows


def _whole(key: Any) -> Any:
    """Return *key* with 5 for 5.0: systems differ in the class of a number, which is not what is compared."""
    if isinstance(key, dict):
        return {name: _whole(value) for name, value in key.items()}
    return int(key) if isinstance(key, float) and key.is_integer() else key


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float | int) and isinstance(right, float | int):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)
