"""Write down what a run came to, for data/benchmarks: python scripts/record_run.py RUN [data/benchmarks/NAME.json]

The record holds the command that repeats the run, its figures after every epoch, the controls, and versions; all from the checkpoint.
"""

import json
import sys
from pathlib import Path

from pnnkern.experiments import recipe, saved


def record(folder: Path) -> dict[str, object]:
    """The record of a run's folder."""
    config, found = saved.read(folder)
    if found.warning:
        print(f"warning: {found.warning}", file=sys.stderr)
    standard = dict(recipe.leaves(recipe.find(config.recipe).table())) if config.recipe in recipe.names() else {}
    skipped = ("data.folder", "data.path", "compute.threads")
    changed = {k: v for k, v in recipe.leaves(config.table()) if standard.get(k, v) != v and k not in skipped}
    settings = "".join(f" --set {k}={json.dumps(v)}" for k, v in changed.items())
    return {
        "command": f"pnnkern run {config.recipe}{settings}",
        "recipe": config.recipe,
        "summary": config.summary,
        "steps": int(found.state["progress/step"]),
        "test_accuracy_after_each_epoch": [float(a) for _, a in found.state["progress/evaluations"]],
        "test_loss_after_each_epoch": [float(a) for a, _ in found.state["progress/evaluations"]],
        "linear_control": found.meta.get("control"),
        "exact_gradient_control": found.meta.get("exact"),
        "seconds": found.meta["seconds"],
        "device": config.compute.device,
        "environment": found.meta["environment"],
        "data_sha256": found.meta["data"],
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    written = record(folder)
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("data/benchmarks") / f"{written['recipe']}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(written, indent=1) + "\n")
    print(out)
