"""``fluxion run`` over a file that is followed and grows: ``python followed.py JOB INPUT OUTPUT``.

Half of the input is there at the start, the rest is appended while the pipeline runs, 80 MB a second, so that the pipeline reaches
the end of the file again and again; a last document marks the end. When its row is in the sink, the pipeline gets SIGTERM. Only the CPU seconds of ``fluxion run`` count, and are left beside the output.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from engine import pipeline_file

END = "the-end"
PIECE_BYTES = 4 << 20
PAUSE_SECONDS = 0.05
LONGEST_SECONDS = 600.0


def grow(source: Path, growing: Path) -> None:
    """Append what *growing* lacks of *source*, in pieces of which most end in the middle of a line, and the last document."""
    with source.open("rb") as whole, growing.open("ab") as file:
        whole.seek(growing.stat().st_size)
        while piece := whole.read(PIECE_BYTES):
            file.write(piece)
            file.flush()
            time.sleep(PAUSE_SECONDS)
        file.write(b'{"status":"PAID","customerId":"%b","orderValue":0}\n' % END.encode())


def wait_for_the_end(target: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if target.exists() and END.encode() in tail(target):
            return
        time.sleep(0.02)
    sys.exit("fluxion run did not reach the end of the input")


def tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 200))
        return file.read()


def main(job: str, source: str, target: str) -> None:
    growing = Path(f"{target}.growing")
    with Path(source).open("rb") as whole:
        growing.write_bytes(whole.read(Path(source).stat().st_size // 2))
    file = pipeline_file(job, str(growing), target, follow=True)
    started = time.perf_counter()
    command = [sys.executable, "-c", "from fluxion_core.cli import main; main()", "run", "--no-progress", str(file)]
    process = subprocess.Popen(command)
    grow(Path(source), growing)
    wait_for_the_end(Path(target), process)
    process.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 128 + signal.SIGTERM:
        sys.exit(f"fluxion run ended with {process.returncode}")
    measured = {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": time.perf_counter() - started,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    Path(f"{target}.measured").write_text(json.dumps(measured))
    content = Path(target).read_bytes().splitlines(keepends=True)
    Path(target).write_bytes(b"".join(line for line in content if END.encode() not in line))


if __name__ == "__main__":
    main(*sys.argv[1:])
