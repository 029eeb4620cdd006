#!/usr/bin/env bash
# Run every test on every backend this machine has, on a fresh machine with Python 3.11+, gcc/g++ and pip:
#   bash scripts/test.sh [pytest arguments]
# Makes .venv (or uses VENV=folder), installs pnnkern there with its test extra, then: ruff, mypy, pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}
command -v g++ >/dev/null || { echo "test.sh: g++ is missing: the CUDA kernels are run on the CPU through it (apt-get install g++)" >&2; exit 2; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
"$venv/bin/python" -m pip install --quiet ".[test,fftw]"
rm -rf build pnnkern.egg-info  # a stale build folder would ship deleted files next time

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} NUMBA_NUM_THREADS=${NUMBA_NUM_THREADS:-2}
"$venv/bin/ruff" check .
"$venv/bin/mypy" -p pnnkern
exec "$venv/bin/pytest" -q --durations=15 "$@"
