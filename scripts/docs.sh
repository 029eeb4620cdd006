#!/usr/bin/env bash
# Build the documentation site, every warning an error, without a network: bash scripts/docs.sh; then open docs/_build/html/index.html
# Makes .venv-docs (or uses VENV=folder) with the extra `docs`; runs the Python blocks of the pages and the scripts of the gallery.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv-docs}
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet ".[docs]"
rm -rf build pnnkern.egg-info docs/generated docs/gallery docs/_build
"$venv/bin/python" scripts/run_blocks.py --pictures docs/_static/drawn docs/start.md docs/tour.md docs/tutorials/*.md
"$venv/bin/python" scripts/validation.py docs/_static/drawn/validation.png # and .md, for docs/validation.md
"$venv/bin/python" -m sphinx -W --keep-going -q -j auto -b html docs docs/_build/html
"$venv/bin/python" scripts/links.py docs/_build/html
echo "docs/_build/html/index.html"
