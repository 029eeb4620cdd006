#!/usr/bin/env bash
# The main job on a fresh machine with Python 3.11 or newer: a diffractive network learns handwritten digits, then its report.
#   bash scripts/demo.sh [folder of the run, default runs/demo]
# Makes .venv (or uses VENV=folder) and installs pnnkern there. A run that was stopped goes on where it was.
# Kernels are compiled at their first call and kept; `pnnkern warm` compiles all there are, in parallel (docs/first-calls.md).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}
out=${1:-runs/demo}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "demo.sh: Python 3.11 or newer is needed (set PYTHON=...)" >&2; exit 2; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
"$venv/bin/python" -m pip install --quiet .
rm -rf build pnnkern.egg-info # a stale build folder would ship deleted files next time

if [ -f "$out/config.toml" ]; then
    "$venv/bin/pnnkern" resume "$out"
else
    "$venv/bin/pnnkern" run d2nn-digits --out "$out"
fi
"$venv/bin/pnnkern" report "$out"
