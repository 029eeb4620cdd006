"""The report of a run: one self-contained HTML page with its pictures inside; beside it they are PNG and SVG, with their numbers as CSV."""

import html
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .._classes import answers
from .._errors import CheckpointError
from ..learning import NearestTarget, SquareError
from ..learning.metrics import accuracy, ratings
from . import files, machine, origin, pictures, plots, text, units
from .plots import Picture
from .run import Run, environment

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
body {{ font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #1b1f24; background: #fff; margin: 0 auto;
       max-width: 1080px; padding: 2.2rem 1.4rem 4rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.7rem; line-height: 1.25; margin: 0; }} h2 {{ font-size: 1.15rem; margin: 2.6rem 0 .5rem; }}
p {{ max-width: 75ch; }} .muted, figcaption {{ color: #5b6470; }} figcaption {{ font-size: .9rem; max-width: 95ch; }}
.cards {{ display: flex; flex-wrap: wrap; gap: .9rem; margin: 1.5rem 0; }}
.card {{ border: 1px solid #dde2e7; border-radius: 8px; padding: .75rem 1.1rem; min-width: 8.5rem; max-width: 18rem; font-size: .92rem; }}
.card b {{ display: block; font-size: 1.55rem; font-weight: 600; font-variant-numeric: tabular-nums; }}
.card:first-child b {{ color: #b85f06; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }}
td, th {{ text-align: left; padding: .3rem 1.4rem .3rem 0; border-bottom: 1px solid #e8ebee; font-weight: normal; vertical-align: top; }}
td.date {{ white-space: nowrap; }}
td.code {{ font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; min-width: 14rem; }}
th {{ color: #5b6470; font-size: .88rem; }} td.number, th.number {{ text-align: right; white-space: nowrap; }}
figure {{ margin: 0; }} img {{ max-width: 100%; height: auto; display: block; }} a {{ color: #2563a8; }}
pre {{ background: #f6f7f9; padding: 1rem; overflow-x: auto; overflow-wrap: normal; font-size: .82rem; border-radius: 6px; }}
@media (max-width: 640px) {{
  body {{ padding: 1.2rem .9rem 3rem; }} h1 {{ font-size: 1.4rem; }} h2 {{ margin-top: 2rem; }}
  .cards {{ gap: .6rem; }} .card {{ flex: 1 1 40%; min-width: 0; padding: .6rem .8rem; }} .card b {{ font-size: 1.3rem; }}
  td, th {{ padding-right: .8rem; }} img {{ width: 100%; }}
}}
</style></head><body>
{body}
</body></html>
"""


def write(run: Run, *, images: int = 200) -> Path:
    """Make `report/` in the run's folder and return the path of its page.

    images : how many test images, spread evenly over the test set, the slower checks are made with.
    """
    trainer, loss = run.trainer, run.trainer.rule.loss_on(run.trainer.system)
    if not trainer.losses:
        raise CheckpointError(f"{run.folder} has no step of training to report on yet: go on with `pnnkern resume {run.folder}`")
    labels = trainer.dataset.test_labels
    scores = trainer.test_scores()
    unit = trainer.system.output_unit
    squared = isinstance(loss, SquareError | NearestTarget) and unit != "1"
    drawn = pictures.pictures(trainer, scores)
    if trainer.dataset.real:
        drawn.append(plots.answers(scores, loss.targets(labels, scores), unit))
    else:
        drawn.append(plots.confusion(answers(scores, loss), labels, max(scores.shape[1], trainer.dataset.classes)))
    chosen = np.unique(np.linspace(0, len(labels) - 1, min(images, len(labels))).round().astype(int))
    checks = pictures.checks(trainer, chosen)
    reached = accuracy(ratings(loss, scores, labels).mean(), trainer.dataset.real)
    learning = plots.curves(trainer, _controls(run), f"{unit}2" if squared else "1")
    drawn = [learning, *(checks.pictures if checks else ()), *drawn]

    folder = run.folder / "report"
    made = origin.here()
    metrics = run.summary | {"checks": checks.rows if checks else [], "report": made, "run": run.meta.get("sessions", [])}
    try:
        files.subfolder(run.folder, folder.name)
        for picture in drawn:
            for name, content in picture.files.items():
                files.replace(folder / name, content)
        files.replace(folder / "metrics.json", json.dumps(metrics, indent=1).encode())
        page = folder / "index.html"
        files.replace(page, _page(run, reached, drawn, checks, made).encode())
    except OSError as error:
        raise CheckpointError(f"cannot write the report into {folder}: {error.strerror or error}") from error
    return page


def _controls(run: Run) -> dict[str, float]:
    """Test accuracies of the controls there are, by what they are called."""
    names = {"control": "linear control", "exact": "exact gradients", "deployed": "deployed without training"}
    return {name: run.meta[key]["test_accuracy"] for key, name in names.items() if key in run.meta}


def _safe(value: object) -> str:
    """Text of others in HTML."""
    return html.escape(text.lines(value))


def _page(run: Run, accuracy: float, drawn: list[Picture], checks: Any, made: dict[str, str]) -> str:
    recipe, trainer, meta = run.recipe, run.trainer, run.meta
    data = trainer.dataset
    epochs = trainer.training.epochs
    done = f"{epochs} epochs" if trainer.finished else f"{len(trainer.evaluations)} of {epochs} epochs"
    if data.real:
        what = f"1 less the rms error relative to the targets' range, {len(data.test_labels)} test samples"
    else:
        error = 100 * (accuracy * (1 - accuracy) / len(data.test_labels)) ** 0.5
        what = f"test accuracy ({f'± {error:.1f}, ' if error else ''}{len(data.test_labels)} samples)"
    device = meta["environment"].get("gpu", recipe.compute.device)
    cards = [(units.percent(accuracy), what)]
    cards += [(units.percent(value), name) for name, value in _controls(run).items()]
    cards += [
        (units.duration(meta["seconds"]), ", ".join(word for word in (f"on {device}", meta.get("way")) if word)),
        (done, f"{units.count(trainer.step)} steps of {trainer.training.batch}"),
    ]
    controls = []
    if "control" in meta:
        controls.append(f"Linear control: {meta['control']['how']}.")
    if "exact" in meta:
        controls.append(f"Exact-gradient control: {meta['exact']['how']}.")
    elif recipe.rule.kind == "in-silico":
        controls.append("The gradients of this run are exact (in-silico training), so it is its own exact-gradient control.")
    if "deployed" in meta:
        controls.append(f"Deployed without training: {meta['deployed']['how']}.")
    body = [
        f"<h1>{_safe(recipe.recipe)}</h1><p class=muted>{_safe(recipe.summary)}<br>{_safe(data.name)}: "
        f"{len(data.train_labels)} training samples, {len(data.test_labels)} test samples, from {_safe(data.source)}</p>",
        "<div class=cards>" + "".join(f"<div class=card><b>{_safe(big)}</b>{_safe(small)}</div>" for big, small in cards) + "</div>",
        f"<p class=muted>{_safe(' '.join(controls))}</p>" if controls else "",
    ]
    if not trainer.finished:
        body.append(f"<p>This run has not ended: go on with <code>pnnkern resume {_safe(run.folder)}</code>.</p>")
    costs = trainer.system.costs()
    if costs:
        rows = [units.named(key, value) for key, value in costs.items()]
        body.append(f"<h2>Estimated cost of one inference</h2>{_table(rows, 'words number')}")
        body.append("<p>A simple model with published figures (pnnkern.crossbar.estimate); arrays and converters only.</p>")
    if checks:
        shown = [("physics", "test accuracy", "")] + [(row["what"], units.percent(row["accuracy"], 1), row["note"]) for row in checks.rows]
        body.append(f"<h2>{_safe(checks.title)}</h2>{_table(shown, 'words number words', head=True)}<p>{_safe(checks.caption)}</p>")
    body += [_figure(p) for p in drawn]
    body.append(f"<h2>Where this comes from</h2>{_provenance(meta, made, recipe.compute.device)}")
    body.append(f"<h2>The complete recipe</h2><pre>{_safe(recipe.dumps())}</pre>")
    return _PAGE.format(title=_safe(f"{recipe.recipe}: {units.percent(accuracy)}"), body="\n".join(body))


def _figure(p: Picture) -> str:
    links = ", ".join(f'<a href="{_safe(name)}">{_safe(name)}</a>' for name in _few(list(p.files)))
    return (
        f'<h2>{_safe(p.title)}</h2><figure><picture><source media="(max-width: 640px)" srcset="{plots.inline(p.narrow)}">'
        f'<img src="{plots.inline(p.png)}" alt="{_safe(p.title)}"></picture>'
        f"<figcaption>{_safe(p.caption)} Files: {links}</figcaption></figure>"
    )


def _few(names: list[str]) -> list[str]:
    """The first names of many."""
    return names if len(names) <= 6 else [*names[:4], names[-1]]


def _provenance(meta: dict[str, Any], made: dict[str, str], device: str) -> str:
    """When, where and by what the run and this report were made."""
    sessions = meta.get("sessions", [])
    named = [(f"gone on at step {s['step']}" if s.get("step") else "begun", s) for s in sessions]
    if len(named) > 6:
        named = [*named[:2], (f"... {len(named) - 5} more ...", {}), *named[-3:]]
    rows = [("", "date", "host", "command", "commit")]
    for what, s in [*named, ("this report", made)]:
        rows.append((what, s.get("date", "").replace("T", " "), s.get("host", ""), s.get("command", ""), _commit(s)))
    then, now = meta["environment"], environment(device)
    changed = machine.changes(then, now)
    note = f"<p>The report was made with something else than the run: {_safe(', '.join(changed))}.</p>" if changed else ""
    versions = [(key, value) for key, value in {"device": device, **then}.items() if key not in machine.LONG]
    return _table(rows, "words date words code code", head=True) + f"<p>The run was computed with:</p>{_table(versions, 'words words')}{note}"


def _commit(session: dict[str, str]) -> str:
    own, theirs = session.get("commit", ""), session.get("folder commit", "")
    parts = [f"pnnkern {session.get('pnnkern', '')} {own}".strip() if own or session else ""]
    return "; ".join(filter(None, [*parts, f"folder {theirs}" if theirs and not own.startswith(theirs) else ""]))


def _table(rows: Iterable[tuple[str, ...]], kinds: str, head: bool = False) -> str:
    """A table in HTML that scrolls where the page is too narrow; `kinds` of the columns: words, number, code."""
    made = []
    for n, row in enumerate(rows):
        tag = "th" if head and not n else "td"
        cells = zip(row, kinds.split(), strict=True)
        made.append("".join(f"<{tag}{'' if kind == 'words' else f' class={kind}'}>{_safe(cell)}</{tag}>" for cell, kind in cells))
    return "<div class=wide><table>" + "".join(f"<tr>{row}</tr>" for row in made) + "</table></div>"
