"""How badly may a network be built? A sweep, here or on a cluster: ``python scripts/misbuilt.py OUT.png [SEEDS] [--executor slurm ...]``.

A network of resistors learns to tell iris flowers apart; each of its parts is off by so much, rms, and no rule knows by how much: exact
gradients of the model, whose result is deployed, and coupled learning on the device itself. Writes a folder for each point beside the
picture, and says the commands that it runs, which are all one needs: said again, they go on where they were stopped. What is behind SEEDS
goes to `pnnkern launch`: ``--executor slurm --slurm partition=cpu`` submits an array of jobs and comes back; the same command later draws
what is finished. Five seconds of a core for each point.
"""

import shlex
import subprocess
import sys
from pathlib import Path

SWEEP = """recipe = "coupled-iris"

[set]
"training.epochs" = {epochs}
"control.linear" = false
"control.exact" = false

[grid]
"rule.kind" = ["in-silico", "coupled-learning"]
"system.mismatch" = {mismatch}
"training.seed" = "0..{last}"
"""
EPOCHS, MISMATCH = 100, [0.0, 0.4, 0.8]  # relative rms of what parts are worth


def say(*words: str) -> None:
    """Run a command of pnnkern, and say it. Raises CalledProcessError for one that fails, which has said why."""
    print("$", shlex.join(("pnnkern", *words)), flush=True)
    subprocess.run([sys.executable, "-m", "pnnkern", *words], check=True)


def main(out: str, seeds: int = 3, *engine: str) -> None:
    folder = Path(out).with_suffix("")
    described = folder.with_suffix(".toml")
    described.write_text(SWEEP.format(epochs=EPOCHS, mismatch=MISMATCH, last=seeds - 1))
    say("sweep", str(described), "--out", str(folder))
    say("launch", str(folder), *engine)
    say("collect", str(folder), "--by", "system.mismatch", "--by", "rule.kind", "--out", out)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]), *sys.argv[3:])
