"""A record of `gpu_check.sh --measure` as Markdown, for README: python scripts/gpu_table.py data/benchmarks/gpu-DATE-measure.json"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

KERNELS = 6  # of a row, those that take longest


def table(head: list[str], rows: Iterable[list[Any]]) -> str:
    lines = [[cell if isinstance(cell, str) else f"{cell:.3g}" for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines]) if lines else ""


def whole(rows: dict[str, Any]) -> Iterator[list[Any]]:
    """Calls that were timed undisturbed, and within them our kernels and the time that their arguments take at the copy rate."""
    for name, row in rows.items():
        if "wall_ms" in row:
            floor = row.get("layer_floor_ms", sum(kernel["floor_us"] for kernel in row["kernels"].values()) / 1e3)
            figures = [row[key] for key in ("wall_ms", "row_ms", "host_ms", "own_kernels_ms")]
            yield [name, *figures, str(row["launches"]), floor, f"{floor / row['row_ms']:.0%}"]
        if "gradient" in row:
            yield from whole({f"{name}, gradient": row["gradient"]})


def kernels(rows: dict[str, Any]) -> Iterator[list[Any]]:
    for name, row in rows.items():
        for kernel, entry in list(row.get("kernels", {}).items())[:KERNELS]:
            share = f"{entry['floor_us'] / max(entry['gpu_us'], 1e-9):.0%}"
            yield [name, kernel, str(entry["launches"]), entry["gpu_us"], entry["floor_us"], share]


def everything(rows: dict[str, Any]) -> Iterator[list[Any]]:
    """All that a call makes the GPU do, the longest first."""
    for name, row in rows.items():
        for what, entry in list(row.get("all", {}).items())[:KERNELS]:
            yield [f"{name}: {row['launches']} in {row['gpu_ms']:.3g} ms", what, str(entry["count"]), entry["gpu_us"]]


def peers(rows: dict[str, Any]) -> Iterator[list[Any]]:
    """Others beside ours, in milliseconds and times slower than the first of ours."""
    for name, row in rows.items():
        for peer, ms in row.get("peers", {}).items():
            yield [name, peer, ms, ms if isinstance(ms, str) else f"{ms / row['row_ms']:.2f} times"]
        for one in row.get("contenders", ()):
            ratio = next(iter(one.get("ratios", {}).values()), None)
            yield [one["case"] + ", " + one["work"], one["name"], one.get("absent", one.get("ms")), f"{ratio:.2f} times" if ratio else ""]


def markdown(record: dict[str, Any]) -> str:
    """The tables of a record that measured something; rows that failed are named."""
    rows, card = record["rows"], record["rows"].get("card", {})
    said = f"{record['device']['name']}, {record['commit']}, {record['when']}: {record.get('card_before', '')}"
    if "copy_bytes_per_s" in card:
        said += f"; copies {card['copy_bytes_per_s'] / 1e12:.2f} TB/s, in the cache {card['cache_copy_bytes_per_s'] / 1e12:.2f} TB/s"
    costs = ([name, cost["host_us"], cost["gpu_us"]] for name, cost in card.get("costs", {}).items())
    constants = ([name, str(row["now"]), *(f"{v}: {ms:.4g}" for v, ms in row["row_ms"].items())] for name, row in rows.items() if "now" in row)
    parts = [
        said,
        table(["one of", "Python, us", "GPU, us"], costs),
        table(["call", "wall, ms", "in a row, ms", "Python, ms", "our kernels, ms", "launches", "floor, ms", "floor / in a row"], whole(rows)),
        table(["call", "kernel", "launches", "GPU, us", "floor, us", "of the floor"], kernels(rows)),
        table(["call", "what the GPU does", "times", "us"], everything(rows)),
        table(["what", "by", "ms", "to ours"], peers(rows)),
        "\n".join("- " + ", ".join(line) for line in constants),
        "\n".join(f"- {name}: {row.get('error') or row['outcome']}" for name, row in rows.items() if "error" in row or "outcome" in row),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


if __name__ == "__main__":
    print(markdown(json.loads(Path(sys.argv[1]).read_text())), end="")
