"""The main job on embedded defaults: 100,000 orders in a file, lifetime value per customer in another. Run by ``make quickstart``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from heapq import nlargest
from pathlib import Path

from orders import lines

HERE = Path(__file__).parent
OUTPUT = HERE / "output"


def main() -> int:
    """Generate, run, and show what came out."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    source = OUTPUT / "orders.ndjson"
    with source.open("wb") as file:
        file.writelines(lines())
    print(f"wrote 100,000 orders to {shown(source)} ({source.stat().st_size / 1e6:.1f} MB)")
    pipeline = HERE / "orders-ltv.yaml"
    print(f"running: fluxion run {shown(pipeline)}\n")
    finished = subprocess.run([Path(sys.executable).with_name("fluxion"), "run", str(pipeline)], check=False)
    if finished.returncode:
        return finished.returncode
    results = OUTPUT / "ltv.ndjson"
    with results.open("rb") as file:
        customers = [json.loads(line) for line in file]
    print(f"\ntop five of {len(customers):,} customers by lifetime value:")
    for customer in nlargest(5, customers, key=lambda customer: customer["lifetimeValue"]):
        print(f"  {customer['_id']}  {customer['orderCount']:5d} orders  {customer['lifetimeValue']:12,.2f} EUR")
    print(f"\nresults: {shown(results)}   state: {shown(OUTPUT / 'state.db')}")
    command = shown(Path(sys.executable).with_name("fluxion"))
    print(f"{command} run {shown(pipeline)}   continues where this run stopped, and finds nothing new")
    return 0


def shown(path: Path) -> str:
    """Return *path* from where the user stands, if it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
