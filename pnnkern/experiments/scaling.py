"""What more GPUs would gain, on paper: a model of what 8 to 1024 of them exchange in one training step. Nothing of it is measured on a cluster.

The bytes are counted, by one step of the recipe on a few samples. All else is assumed, and listed with the result.
"""

import importlib.resources
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import communicator
from .._updates import Factors, Gradient, Move, Set
from ..learning.rule import Batch
from . import units
from .recipe import Recipe, RecipeError

GPUS = (8, 16, 32, 64, 128, 256, 512, 1024)
NODE = 8  # GPUs
INSIDE, ACROSS = 300e9, 40e9  # [byte/s] of one GPU, each way: three quarters of NVLink 4 and four fifths of 400 Gbit/s InfiniBand
HOP, PEER = 5e-6, 0.5e-6  # [s] of a collective: for each doubling of the ranks, and for each other rank
BUS, PACKING = 25e9, 5e9  # [byte/s] to the host and back over PCIe 5, and of copies in its memory, of which there are three
LAUNCH = 5e-6  # [s] of the host for each kernel of a step: with other ranks a step is not captured
KEPT = 0.8  # efficiency that a batch must keep
SAMPLES = 8  # of the step that is counted
MOST = 1 << 20  # samples for each GPU, beyond which none is looked for
WAYS = ("nccl", "mpi")


@dataclass(frozen=True)
class Traffic:
    """What a step exchanges.

    parts : the arrays and numbers of a share, in each sum of the step: NumPy's, of the shapes that are sent. rows : bytes of factors for each
    sample, which all ranks get.
    """

    parts: tuple[tuple[np.ndarray, ...], ...]
    rows: float

    def split(self, ranks: int) -> tuple[int, int, int]:
        """(bytes of a share that so many ranks add in pieces, bytes added whole, sums that have pieces)."""
        large = [[communicator.in_pieces(part, ranks) for part in parts] for parts in self.parts]
        sizes = [[part.nbytes for part in parts] for parts in self.parts]
        pieces = sum(size for s, l in zip(sizes, large, strict=True) for size, piece in zip(s, l, strict=True) if piece)
        return pieces, sum(map(sum, sizes)) - pieces, sum(any(one) for one in large)


@dataclass(frozen=True)
class Step:
    """A step on one GPU: seconds, of so many samples and launches, and where that is known from."""

    seconds: float
    batch: int
    launches: int
    source: str

    def of(self, samples: float) -> float:
        """Seconds with so many samples: in proportion, but not less than the host needs to ask for it."""
        return max(self.seconds * samples / self.batch, self.launches * LAUNCH)


class _Weighed(Batch):
    """Notes what each sum would send."""

    def sum(self, function: Callable[[Batch], Any]) -> Any:
        share = function(self)
        self.__dict__.setdefault("shares", []).append(share)
        return share


def traffic(recipe: Recipe) -> Traffic:
    """Of a step of the recipe, counted on the CPU. Raises `RecipeError` for a rule whose steps ranks do not share."""
    from .loop import NOISE, stream
    from .run import assemble

    compute = recipe.compute.model_copy(update={"device": "cpu"})
    trainer = assemble(replace(recipe, compute=compute), Path("nowhere")).trainer
    if not trainer.rule.shared:
        raise RecipeError(f"rule.kind={recipe.rule.kind!r} moves parts by all samples of a batch at once: more ranks do not make a step faster")
    samples, labels, index = trainer.training_feed.take(trainer.batch(0)[:SAMPLES])
    batch = _Weighed(samples, labels, index, trainer.system.encode)
    trainer.rule.step(trainer.system, trainer.state, batch, stream(recipe.training.seed, NOISE))
    found = [_parts(share) for share in batch.__dict__["shares"]]
    return Traffic(tuple(tuple(parts) for parts, _ in found), sum(rows for _, rows in found) / len(labels))


def _parts(share: Any) -> tuple[list[np.ndarray], int]:
    """Arrays and numbers of a share, and bytes of its factors."""
    if isinstance(share, dict | tuple | list):
        found = [_parts(item) for item in (share.values() if isinstance(share, dict) else share)]
        return [part for parts, _ in found for part in parts], sum(rows for _, rows in found)
    if isinstance(share, Factors):
        return [], share.first.nbytes + share.second.nbytes
    return [np.asarray(share.value if isinstance(share, Gradient | Move | Set) else share)], 0


def step_of(recipe: Recipe, seconds: float | None) -> Step | None:
    """What is known of a step on one GPU: what the user says, or what docs/step-sheet.md predicts for an H100, in a checkout; else None."""
    if seconds is not None:
        if not 0 < seconds < math.inf:
            raise RecipeError(f"--step-time must be seconds of a step, above 0, got {seconds}")
        return Step(seconds, recipe.training.batch, 0, "as given by --step-time")
    sheet = importlib.resources.files("pnnkern.data") / "benchmarks" / "step-sheet.json"
    row = json.loads(sheet.read_text(encoding="utf-8")).get(recipe.recipe) if sheet.is_file() else None
    if row is None or row["batch"] != recipe.training.batch:
        return None
    source = "predicted for an H100 by docs/step-sheet.md, not measured"
    return Step(row["H100"] * 1e-6, row["batch"], row["launches"] + row["operations"], source)


def exchange(moved: Traffic, ranks: int, samples: float, way: str) -> tuple[float, float]:
    """(bytes that a GPU sends in a step, seconds of it), with so many samples for each GPU, which are one shard."""
    others = ranks - 1
    pieces, whole, parted = moved.split(ranks)
    sent = 2 * pieces * others / ranks + (whole + moved.rows * samples) * others
    across = max(0, ranks - NODE) / others
    collectives = 1 + 2 * len(moved.parts) + 2 * parted  # the word on who stops; small blocks and what does not fit; pieces a second time
    seconds = collectives * (HOP * math.ceil(math.log2(ranks)) + PEER * others) + sent * ((1 - across) / INSIDE + across / ACROSS)
    return sent, seconds + (2 * sent / BUS + 3 * sent / PACKING if way == "mpi" else 0.0)


def efficiency(moved: Traffic, step: Step, ranks: int, samples: float, way: str) -> float:
    """Share of a step in which its GPU works."""
    work = step.of(samples)
    return work / (work + exchange(moved, ranks, samples, way)[1])


def least_batch(moved: Traffic, step: Step, ranks: int, way: str) -> int | None:
    """The fewest samples for each GPU that keep it at work for `KEPT` of the time; None where no number does."""
    enough = next((n for n in (1 << k for k in range(MOST.bit_length())) if efficiency(moved, step, ranks, n, way) >= KEPT), None)
    if enough is None:
        return None
    low = enough // 2
    while enough - low > 1:
        middle = (low + enough) // 2
        low, enough = (low, middle) if efficiency(moved, step, ranks, middle, way) >= KEPT else (middle, enough)
    return enough


def collect(recipe: Recipe, seconds: float | None = None) -> dict[str, Any]:
    """The model of a recipe, as plain values: "rows" by the number of GPUs, "assumptions" in words."""
    moved, step = traffic(recipe), step_of(recipe, seconds)
    rows = []
    for ranks in GPUS:
        samples = recipe.training.batch / ranks
        sent = exchange(moved, ranks, samples, "nccl")[0]
        row: dict[str, Any] = {"gpus": ranks, "bytes": round(sent)}
        for way in WAYS:
            row[f"{way} seconds"] = exchange(moved, ranks, samples, way)[1]
            row[f"{way} strong"] = None if step is None else step.of(recipe.training.batch) / (
                max(step.of(samples), step.of(1)) + row[f"{way} seconds"]
            )
            row[f"{way} batch"] = None if step is None else least_batch(moved, step, ranks, way)
        rows.append(row)
    return {"model": recipe.recipe, "rows": rows, "assumptions": _assumptions(moved, step), "metrics": {}}


def _assumptions(moved: Traffic, step: Step | None) -> list[str]:
    known = "how long a step takes on one GPU is not known here: give it by --step-time for batches and speed-ups"
    if step is not None:
        known = f"a step of {step.batch} samples takes {units.duration(step.seconds)} on one GPU, {step.source}; other numbers in proportion"
    if step is not None and step.launches:
        known += f", but not less than {step.launches} launches of {LAUNCH * 1e6:g} us by the host, as steps are not captured"
    size = sum(part.nbytes for parts in moved.parts for part in parts)
    return [
        f"counted, by one step of {SAMPLES} samples on this machine: {size} bytes of a shard's share, in {len(moved.parts)} "
        f"sum{'s' * (len(moved.parts) > 1)}; and for each sample {moved.rows:.4g} bytes of factors, which all ranks get",
        known,
        "each GPU has one shard: compute.chunk is the batch divided by the GPUs; nothing is sent while a GPU works",
        f"{NODE} GPUs in a node, {INSIDE / 1e9:g} GB/s of each to the others, {ACROSS / 1e9:g} GB/s of each to other nodes",
        f"a collective takes {HOP * 1e6:g} us for each doubling of the ranks and {PEER * 1e6:g} us for each other rank, and nobody comes late",
        f"mpi: by the host, at {BUS / 1e9:g} GB/s there and back and three copies at {PACKING / 1e9:g} GB/s; nccl: from GPU to GPU",
    ]


def page(found: dict[str, Any]) -> str:
    """The model for people."""
    lines = [f"A model, nothing measured: {found['model']} on more GPUs", ""]
    lines.append(f"{'':>6}{'sent by one':>13}   {'exchange of a step':<22}{'speed-up, same batch':<24}samples/GPU for {KEPT:.0%}")
    lines.append(f"{'GPUs':>6}{'per step':>13}   {'nccl':<11}{'mpi':<11}{'nccl':<12}{'mpi':<12}{'nccl':<10}mpi")
    for row in found["rows"]:
        seconds = [units.duration(row[f"{way} seconds"]) for way in WAYS]
        strong = ["?" if (value := row[f"{way} strong"]) is None else f"{value:.3g}" for way in WAYS]
        known = row["nccl strong"] is not None
        batch = [str(row[f"{way} batch"] or "none") if known else "?" for way in WAYS]
        cells = "".join(f"{cell:<{width}}" for cell, width in zip((*seconds, *strong, *batch), (11, 11, 12, 12, 10, 0), strict=True))
        lines.append(f"{row['gpus']:>6}{row['bytes'] / 1e6:>10.3g} MB   {cells}")
    return "\n".join([*lines, "", "Assumed:", *(f"- {line}" for line in found["assumptions"])])
