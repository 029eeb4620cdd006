"""`python -m pnnkern.experiments.bench NAME ...`: benchmarks without the command line's dependencies."""

import argparse
import json
import sys
from pathlib import Path

from ..._errors import PnnError
from . import names, run, table


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pnnkern.experiments.bench", description="Measure, beside what users write today."
    )
    parser.add_argument("name", nargs="+", help=f"one or more of: {', '.join(names())}")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each")
    parser.add_argument("--json", type=Path, help="write the rows to this file as well")
    given = parser.parse_args()
    try:
        rows = {name: run(name, given.device, given.budget) for name in given.name}
    except PnnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for each in rows.values():
        print(table(each))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
