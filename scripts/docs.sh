#!/usr/bin/env bash
# Build the documentation site, every warning an error, without a network: bash scripts/docs.sh; then open docs/_build/html/index.html
# Makes .venv-docs (or uses VENV=folder) with the extra `docs`; runs the Python blocks of the pages and draws the pictures of the gallery.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv-docs}
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet ".[docs]"
rm -rf build pnnkern.egg-info docs/generated docs/_build
"$venv/bin/python" scripts/run_blocks.py --pictures docs/_static/drawn docs/start.md docs/tour.md docs/tutorials/*.md
mkdir -p docs/_static/gallery
draw() { "$venv/bin/python" "scripts/$1.py" "docs/_static/gallery/$1.png" "$2"; } # for docs/gallery.md
draw phase_retrieval 60
draw wires 128
draw ageing 5
draw flow 60
draw tolerances 40
draw slm 64
draw rules 1
draw misbuilt 1
rm -rf docs/_static/gallery/misbuilt docs/_static/gallery/misbuilt.{toml,csv} # its sweep
draw recovery 1
draw allostery 0
draw modes 1
draw validation 0
"$venv/bin/python" -m sphinx -W --keep-going -q -j auto -b html docs docs/_build/html
echo "docs/_build/html/index.html"
