"""The report of a run: one self-contained HTML page with its pictures inside (and beside it as PNG files)."""

import html
import json
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import CheckpointError
from ..learning.judged import accuracy, rated
from . import files, plots
from .machine import LONG
from .plots import Picture
from .progress import clock
from .run import Run

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
body {{ font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #1b1f24; background: #fff; margin: 0 auto;
       max-width: 1080px; padding: 2.2rem 1.4rem 4rem; }}
h1 {{ font-size: 1.7rem; margin: 0; }} h2 {{ font-size: 1.15rem; margin: 2.6rem 0 .5rem; }}
p {{ max-width: 75ch; }} .muted, figcaption {{ color: #5b6470; }} figcaption {{ font-size: .9rem; max-width: 95ch; }}
.cards {{ display: flex; flex-wrap: wrap; gap: .9rem; margin: 1.5rem 0; }}
.card {{ border: 1px solid #dde2e7; border-radius: 8px; padding: .75rem 1.1rem; min-width: 8.5rem; }}
.card b {{ display: block; font-size: 1.55rem; font-weight: 600; font-variant-numeric: tabular-nums; }}
.card:first-child b {{ color: #d9730d; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
td, th {{ text-align: left; padding: .3rem 1.4rem .3rem 0; border-bottom: 1px solid #e8ebee; font-weight: normal; vertical-align: top; }}
th {{ color: #5b6470; font-size: .88rem; }} td.number, th.number {{ text-align: right; }}
figure {{ margin: 0; }} img {{ max-width: 100%; height: auto; display: block; }}
pre {{ background: #f6f7f9; padding: 1rem; overflow-x: auto; font-size: .82rem; border-radius: 6px; }}
</style></head><body>
{body}
</body></html>
"""


def write(run: Run, *, images: int = 200) -> Path:
    """Make `report/` in the run's folder and return the path of its page.

    images : how many test images, spread evenly over the test set, the slower checks are made with.
    """
    trainer = run.trainer
    if not trainer.losses:
        raise CheckpointError(f"{run.folder} has no step of training to report on yet: go on with `pnnkern resume {run.folder}`")
    labels = trainer.dataset.test_labels
    scores = trainer.test_scores()
    pictures = [
        plots.curves(trainer, _controls(run)),
        *run.recipe.system.pictures(trainer, scores),
        plots.answers(scores, trainer.rule.loss.targets(labels, scores)) if trainer.dataset.real else plots.confusion(scores, labels),
    ]
    chosen = np.unique(np.linspace(0, len(labels) - 1, min(images, len(labels))).round().astype(int))
    checks = run.recipe.system.checks(trainer, chosen)
    reached = accuracy(rated(trainer.rule.loss, scores, labels), labels)

    folder = run.folder / "report"
    try:
        files.subfolder(run.folder, folder.name)
        for picture in pictures:
            files.replace(folder / f"{picture.name}.png", picture.png)
        files.replace(
            folder / "metrics.json", json.dumps(run.summary | {"checks": checks.rows if checks else []}, indent=1).encode()
        )
        page = folder / "index.html"
        files.replace(page, _page(run, reached, pictures, checks).encode())
    except OSError as error:
        raise CheckpointError(f"cannot write the report into {folder}: {error.strerror or error}") from error
    return page


def _controls(run: Run) -> dict[str, float]:
    """Test accuracies of the controls there are, by what they are called."""
    names = {"control": "linear control", "exact": "exact gradients"}
    return {name: run.meta[key]["test_accuracy"] for key, name in names.items() if key in run.meta}


def _page(run: Run, accuracy: float, pictures: list[Picture], checks: Any) -> str:
    recipe, trainer, meta = run.recipe, run.trainer, run.meta
    data = trainer.dataset
    done = (
        f"{len(trainer.evaluations)} of {trainer.training.epochs} epochs"
        if not trainer.finished
        else f"{trainer.training.epochs} epochs"
    )
    if data.real:
        what = f"1 less the rms error relative to the targets' range, {len(data.test_labels)} test samples"
    else:
        error = 100 * (accuracy * (1 - accuracy) / len(data.test_labels)) ** 0.5
        what = f"test accuracy (± {error:.1f}, {len(data.test_labels)} samples)"
    cards = [(f"{100 * accuracy:.2f} %", what)]
    cards += [(f"{100 * value:.2f} %", name) for name, value in _controls(run).items()]
    cards += [
        (clock(meta["seconds"]), f"on {recipe.compute.device}"),
        (done, f"{trainer.step} steps of {trainer.training.batch}"),
    ]
    controls = []
    if "control" in meta:
        controls.append(f"Linear control: {html.escape(meta['control']['how'])}.")
    if "exact" in meta:
        controls.append(f"Exact-gradient control: {html.escape(meta['exact']['how'])}.")
    elif recipe.rule.kind == "in-silico":
        controls.append("The gradients of this run are exact (in-silico training), so it is its own exact-gradient control.")
    body = [
        f"<h1>{html.escape(recipe.recipe)}</h1><p class=muted>{html.escape(recipe.summary)}<br>{html.escape(data.name)}: "
        f"{len(data.train_labels)} training samples, {len(data.test_labels)} test samples, from {html.escape(data.source)}</p>",
        "<div class=cards>"
        + "".join(f"<div class=card><b>{big}</b>{html.escape(small)}</div>" for big, small in cards)
        + "</div>",
        f"<p class=muted>{' '.join(controls)}</p>" if controls else "",
    ]
    if not trainer.finished:
        body.append(f"<p>This run has not ended: go on with <code>pnnkern resume {html.escape(str(run.folder))}</code>.</p>")
    costs = recipe.system.estimates(trainer.system)
    if costs:
        body.append(_costs(costs))
    if checks:
        body.append(_checks(checks))
    for p in pictures:
        body.append(
            f'<h2>{p.title}</h2><figure><img src="{p.inline}" alt="{p.title}"><figcaption>{p.caption}</figcaption></figure>'
        )
    versions = ", ".join(f"{k} {v}" for k, v in meta["environment"].items() if k not in LONG)
    body.append(f"<h2>The complete recipe</h2><p class=muted>{html.escape(versions)}</p><pre>{html.escape(recipe.dumps())}</pre>")
    return _PAGE.format(title=html.escape(f"{recipe.recipe}: {100 * accuracy:.2f} %"), body="\n".join(body))


def _costs(costs: dict[str, float]) -> str:
    rows = "".join(f"<tr><td>{html.escape(k.replace('_', ' '))}</td><td class=number>{v:.3g}</td></tr>" for k, v in costs.items())
    note = "A simple model with published figures (pnnkern.crossbar.estimate); arrays and converters only, J, s and m²."
    return f"<h2>Estimated cost of one inference</h2><table>{rows}</table><p>{note}</p>"


def _checks(checks: Any) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(row['what'])}</td><td class=number>{100 * row['accuracy']:.1f} %</td><td>{html.escape(row['note'])}</td></tr>"
        for row in checks.rows
    )
    head = "<tr><th>physics</th><th class=number>test accuracy</th><th></th></tr>"
    return f"<h2>{checks.title}</h2><table>{head}{rows}</table><p>{checks.caption}</p>"
