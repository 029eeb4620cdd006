"""
A network that was misbuilt: a sweep, here or on a cluster
==========================================================

A network of resistors learns to tell iris flowers apart; each of its parts is off by so much, rms, and no rule knows by how much: exact
gradients of the model, whose result is deployed, and coupled learning on the device itself. The script writes a folder for each point beside
the picture, and says the commands that it runs, which are all one needs: said again, they go on where they were stopped. ``--full`` takes ten
seeds. What else is said goes to ``pnnkern launch``: ``--full --executor slurm --slurm partition=cpu`` submits an array of jobs and comes back;
the same command later draws what is finished. More: :doc:`/clusters`.

Full size: 60 runs, 5.2 minutes of one core. With parts off by 0, 40 and 80 % rms, deployed gradients of the model come to 95.2 ± 2.2,
92.5 ± 4.1 and 82.1 ± 13.4 % (mean and standard deviation of ten seeds), coupled learning to 94.8 ± 2.0, 95.2 ± 2.4 and 95.0 ± 1.8 %.
"""

import argparse
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
    with subprocess.Popen([sys.executable, "-m", "pnnkern", *words], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)


def main(out: str, seeds: int, *engine: str) -> None:
    folder = Path(out).with_suffix("")
    described = folder.with_suffix(".toml")
    described.write_text(SWEEP.format(epochs=EPOCHS, mismatch=MISMATCH, last=seeds - 1))
    say("sweep", str(described), "--out", str(folder))
    say("launch", str(folder), *engine)
    say("collect", str(folder), "--by", "system.mismatch", "--by", "rule.kind", "--out", out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="misbuilt.png", help="the picture")
    parser.add_argument("--seeds", type=int, default=1, help="seeds")
    parser.add_argument("--full", dest="seeds", action="store_const", const=10, help="the large simulation: 10 seeds")
    given, engine = parser.parse_known_args()
    main(given.out, given.seeds, *engine)
