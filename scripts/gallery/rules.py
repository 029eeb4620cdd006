"""
Every rule on one system
========================

Which rules train a system is asked of the matrix (``pnnkern list --matrix``); the recipe of the system says everything else. Each rule's
learning rate is the one of `RATES` that ends best on held-out training samples (every fourth of a class), on seed 0; then it learns from all
of them, with each seed. Drawn is the test accuracy against physical passes of single samples, mean over seeds, beside exact gradients of a
model that knows the system perfectly, and the system before training. ``--full`` takes ten seeds; other systems: ``--system hopfield``,
``crossbar``, ``d2nn``, ... (minutes to hours).

`agnostic-ep` and `coupled-dynamics`, whose parts move by physics alone, take no learning rate, and `agnostic-ep` comes further in more epochs
(60 % after 200, on seed 0).

Full size: 2.3 minutes of one core. What it printed is the table of :doc:`/methods`.
"""

import argparse
from pathlib import Path

import numpy as np

import pnnkern as pnn
from pnnkern.experiments import matrix, recipe
from pnnkern.experiments.plots import BLUE, INK, MUTED, figure, grid, png
from pnnkern.experiments.run import assemble

EPOCHS, RATES = 60, (0.3, 1.0, 3.0)  # learning rates: of the recipe's


def learned(name: str, rule: str, seed: int, rate: float, validation: int = 0) -> tuple[int, np.ndarray]:
    """(physical passes of an epoch, test accuracies after each epoch) of the system of a recipe with another rule."""
    told = recipe.find(name, [f"training.seed={seed}", f"data.validation={validation}"])
    trainer = assemble(told, Path("unused")).trainer  # for its system and its data
    t = told.training
    run = pnn.train(trainer.system, rule, trainer.dataset, epochs=EPOCHS, batch=t.batch, lr=rate * t.lr, optimizer=t.optimizer, seed=seed,
                    schedule="cosine", quiet=True)  # fmt: skip
    return run.rule.passes * len(trainer.dataset.train_labels), np.array(run.evaluations)[:, 1]


def chosen(name: str, rule: str) -> float:
    """The learning rate, of `RATES`, with the best mean of the last few accuracies on held-out training samples."""
    ends = [learned(name, rule, 0, rate, validation=4)[1][-5:].mean() for rate in RATES]
    return RATES[int(np.argmax(ends))]


def main(out: str, seeds: int, kind: str = "resistor-network") -> None:
    name = matrix.kinds("system")[kind].recipe
    rules = [rule for rule, row in matrix.collect().items() if row[kind].trains]
    untrained = np.mean([assemble(recipe.find(name, [f"training.seed={n}"]), Path("unused")).trainer.evaluate()[1] for n in range(seeds)])
    print(f"{name}, {EPOCHS} epochs, {seeds} seeds; untrained: {untrained:.1%}")
    found = {}
    for rule in rules:
        rate = chosen(name, rule)
        runs = [learned(name, rule, seed, rate) for seed in range(seeds)]
        found[rule] = runs[0][0], np.mean([accuracies for _, accuracies in runs], axis=0)
        ends = 100 * np.array([accuracies[-1] for _, accuracies in runs])
        print(f"{rule}: {ends.mean():.1f} ± {ends.std():.1f} % after {EPOCHS * runs[0][0]} passes, at {rate:g} times the recipe's rate")
    exact = found["in-silico"][1][-1] if "in-silico" in found else None
    shape = grid(len(rules), 1.8, 9.4)
    with figure(*shape, size=(9.4, 1.75 * shape[0]), sharex=True, sharey=True, squeeze=False) as (drawn, axes):
        for axis, rule in zip(axes.flat, rules, strict=False):
            for other, (passes, accuracies) in sorted(found.items(), key=lambda item: item[0] == rule):
                colour, wide = (BLUE, 1.8) if other == rule else ("#d5dade", 0.7)
                if passes:
                    axis.semilogx(passes * np.arange(1, EPOCHS + 1), 100 * accuracies, color=colour, linewidth=wide)
                elif other == rule:
                    axis.axhline(100 * accuracies[-1], color=colour, linewidth=wide)
            if exact is not None:
                axis.axhline(100 * exact, color=INK, linewidth=0.9, linestyle="--", label="exact gradients")
            axis.axhline(100 * untrained, color=MUTED, linewidth=0.9, linestyle=":", label="untrained")
            axis.set_title(rule if found[rule][0] else f"{rule} (no pass)", fontsize=8.5)
        for axis in axes.flat[len(rules) :]:
            axis.set_axis_off()
        for axis in axes.flat[max(0, len(rules) - shape[1]) : len(rules)]:
            axis.tick_params(labelbottom=True)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        last = axes.flat[-1]
        last.legend(handles, labels, loc="lower right" if len(rules) == axes.size else "center")
        drawn.supxlabel("physical passes of single samples while training", fontsize=9)
        drawn.supylabel("test accuracy (%)", fontsize=9)
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="rules.png", help="the picture")
    parser.add_argument("--seeds", type=int, default=1, help="seeds")
    parser.add_argument("--full", dest="seeds", action="store_const", const=10, help="the large simulation: 10 seeds")
    parser.add_argument("--system", dest="kind", default="resistor-network", help="a kind of system")
    main(**vars(parser.parse_args()))
