"""Result files: one JSON file per suite in ``results/``, the raw runs in it; and the questions that the report asks them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import HERE, Row
from tables import middle

__all__ = ["FOLDER", "START_UP", "Results", "about_this_run", "read_results", "write_results"]

FOLDER = HERE / "results"
START_UP = "start-up"


def about_this_run() -> dict[str, Any]:
    """Return what a reader must know to judge figures: the interpreter, the machine, its load, and the commit."""
    found = subprocess.run(["git", "-C", str(HERE), "log", "-1", "--format=%h"], capture_output=True, text=True, check=False)
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "commit": found.stdout.strip(),
    }


def write_results(suite: str, about: Mapping[str, Any], rows: Iterable[Row], folder: Path = FOLDER, **more: Any) -> Path:
    """Write the result file of *suite* and return its path; *more* is what the suite found besides runs."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ",\n  ".join(json.dumps(row.as_json()) for row in rows)
    head = json.dumps({**about, "load_after": round(os.getloadavg()[0], 1)})
    extra = "".join(f',\n "{name}": {json.dumps(value)}' for name, value in more.items())
    path = folder / f"{suite}.json"
    path.write_text(f'{{"about": {head},\n "rows": [\n  {lines}\n ]{extra}}}\n')
    return path


@dataclass(frozen=True)
class Results:
    """The content of one result file."""

    about: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]
    more: Mapping[str, Any]

    def find(self, **labels: Any) -> Mapping[str, Any] | None:
        """Return the one row with these labels, or ``None``."""
        for row in self.rows:
            if all(row.get(name) == value for name, value in labels.items()):
                return row
        return None

    def seconds(self, **labels: Any) -> float | None:
        """Return the median CPU seconds of a row."""
        row = self.find(**labels)
        return middle(row["cpu_seconds"]) if row else None

    def speed(self, against: Mapping[str, Any], **labels: Any) -> float | None:
        """Return how many times as fast a row is as that *against* it: the median over rounds of the ratio within a round."""
        row, other = self.find(**labels), self.find(**{**labels, **against})
        if row is None or other is None:
            return None
        return middle(theirs / ours for theirs, ours in zip(other["cpu_seconds"], row["cpu_seconds"], strict=False))

    def net_speed(self, against: Mapping[str, Any], **labels: Any) -> float | None:
        """Return the same as :meth:`speed` with the start-up, which the rows of the job ``start-up`` hold, taken off both."""
        theirs, ours = (self._net_seconds(**{**labels, **more}) for more in (against, {}))
        if theirs is None or ours is None:
            return None
        return middle(other / one for other, one in zip(theirs, ours, strict=False))

    def _net_seconds(self, *, contender: str, **labels: Any) -> list[float] | None:
        row, start = self.find(contender=contender, **labels), self.seconds(contender=contender, job=START_UP)
        if row is None or start is None:
            return None
        net = [seconds - start for seconds in row["cpu_seconds"]]
        return net if min(net) > 0 else None  # fewer documents than can be told from start-up


def read_results(suite: str, folder: Path = FOLDER) -> Results | None:
    """Return the results of *suite*, or ``None`` if it has not been run."""
    path = folder / f"{suite}.json"
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    return Results(content.pop("about"), tuple(content.pop("rows")), content)
