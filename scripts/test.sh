#!/usr/bin/env bash
# Run every test on every backend this machine has, on a fresh machine with Python 3.11+, gcc/g++ and pip:
#   bash scripts/test.sh [pytest arguments]
# Makes .venv (or uses VENV=folder), installs pnnkern there with its test extra, then: ruff, mypy, pytest.
# PYTHON=python3.13: with another Python. LOWEST=1: with the lowest versions that setup.cfg allows.
# PROCESSES=1: not in as many processes as there are cores (4 at most), each of which takes the next file of tests.
# PART=cpu: only pytest, on the CPU backend, of what depends on the versions of other libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}
part=${PART:-all}
extras=test,fftw
arguments=(-q --durations=15)
command -v g++ >/dev/null || { echo "test.sh: g++ is missing: the CUDA kernels are run on the CPU through it (apt-get install g++)" >&2; exit 2; }
case $part in
    all) extras=$extras,check ;;
    cpu) # every library by those tests that ask most of it
        arguments+=(--backends=cpu
            tests/{test_cli,test_cache,test_random,test_forks}.py                                    # Typer, Rich, Numba
            tests/optics/{test_propagation,test_masks}.py                                            # SciPy and FFTW
            tests/{crossbar/test_converters,networks/test_resistor}.py                               # NumPy, SciPy
            tests/{learning/test_losses,systems/test_d2nn}.py
            tests/experiments/test_{recipe,export,checkpoint,controls,data,report,tasks}.py)         # Pydantic, Pillow, h5py, scikit-learn, Matplotlib
        ;;
    *)
        echo "test.sh: PART is all or cpu, got $part" >&2
        exit 2
        ;;
esac
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
limits=()
if [ -n "${LOWEST:-}" ]; then
    "$venv/bin/python" scripts/lowest.py > "$venv/lowest.txt"
    limits=(--only-binary :all: --constraint "$venv/lowest.txt")
fi
"$venv/bin/python" -m pip install --quiet "${limits[@]}" ".[$extras]"
rm -rf build pnnkern.egg-info  # a stale build folder would ship deleted files next time

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} NUMBA_NUM_THREADS=${NUMBA_NUM_THREADS:-2}
if [ "$part" = all ]; then
    # JAX is small enough for every run (89 MB, 6 s); torch is not (3 GB): its tests run where it is
    "$venv/bin/python" -m pip install --quiet jax
    "$venv/bin/ruff" check .
    "$venv/bin/mypy" -p pnnkern
fi
"$venv/bin/python" -c 'import sys; from importlib.metadata import version as v; print("Python", sys.version.split()[0], *(f"{n} {v(n)}" for n in sys.argv[1:]))' \
    numpy scipy numba h5py pydantic typer rich matplotlib pillow scikit-learn threadpoolctl pyfftw

processes=${PROCESSES:-$(env -u OMP_NUM_THREADS nproc)}  # nproc heeds it
processes=$((processes > 4 ? 4 : processes))
share=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$share"' EXIT
arguments+=("--share=$share" "--processes=$processes" "$@")
others=()
for ((i = 1; i < processes; i++)); do # with one thread each: those of several processes on the same cores wait for each other
    NUMBA_NUM_THREADS=1 "$venv/bin/pytest" "${arguments[@]}" > "$share/$i.log" 2>&1 &
    others+=($!)
done
failed=0
"$venv/bin/pytest" "${arguments[@]}" || failed=$?
for ((i = 1; i < processes; i++)); do
    wait "${others[i - 1]}" || failed=$?
    echo "process $((i + 1)) of $processes:"
    cat "$share/$i.log"
done
exit "$failed"
