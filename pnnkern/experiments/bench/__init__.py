"""Benchmarks: each module here has `run(device, budget) -> list of rows`, ours beside what users write today, ratios and floors.

A row is a flat dict: "case" and "work" say what is done, "name" who does it, and then figures: "ms", "floor_ms", "of_floor"
(floor / measured), "error", "mib", ...; "ratios" {ours: times slower than ours}; "absent" says why a peer is missing. Needs only
NumPy and SciPy beside pnnkern itself.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

from ..._errors import PnnError, nearest

Row = dict[str, Any]

# Figures that have a form of their own; any other number is printed with four digits.
_FORMS = {
    "ms": "{:.4g} ms", "floor_ms": "floor {:.3g} ms", "of_floor": "{:.0%} of floor", "error": "error {:.1e}", "mib": "{:.1f} MiB",
    "gb_s": "{:.1f} GB/s", "m_s": "{:.0f} M/s", "bytes": "moves {:.3g} B", "flops": "{:.3g} flop",
    "s": "{:.3g} s of CPU", "us": "{:.1f} us", "own_us": "{:.1f} us our own",
}  # fmt: skip
_SILENT = ("case", "work", "name", "device", "ratios", "absent")


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def run(name: str, device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """The rows of one benchmark on `device`, in about `budget` seconds. Raises `PnnError` for an unknown name."""
    if name not in names():
        raise PnnError(f"no benchmark is called {name!r}: {nearest(name, names())}")
    rows: list[Row] = importlib.import_module(f"{__name__}.{name}").run(device, budget)
    return rows


def table(rows: Iterable[Row]) -> str:
    """Rows as text: a heading for each case, then a line for each contender."""
    lines: list[str] = []
    heading = None
    for row in rows:
        title = f"{row['case']}: {row['work']} ({row['device']})"
        if title != heading:
            lines += ([""] if lines else []) + [title]
            heading = title
        if "absent" in row:
            lines.append(f"  {row['name']:<24}absent: {row['absent']}")
            continue
        shown = {k: v for k, v in row.items() if k not in _SILENT}
        figures = [
            _FORMS.get(k, k.replace("_", " ") + " {:.4g}").format(v) for k, v in shown.items() if isinstance(v, int | float)
        ]
        words = [f"{k} {v}" for k, v in shown.items() if isinstance(v, str)]
        slower = ", ".join(f"{ratio:.2f} x {ours}" for ours, ratio in row.get("ratios", {}).items())
        lines.append(f"  {row['name']:<24}" + "".join(f"{f:<18}" for f in figures + words) + (f"= {slower}" if slower else ""))
    return "\n".join(line.rstrip() for line in lines)
