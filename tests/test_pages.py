"""Pages of the documentation: what they name is there, what they show runs, and where they link to exists."""

import re
from pathlib import Path

import pytest
from scripted import script

from pnnkern.experiments import matrix, recipe
from pnnkern.experiments.run import assemble

DOCS = Path(__file__).resolve().parents[1] / "docs"
METHODS = (DOCS / "methods.md").read_text()
ROWS = re.findall(r"^\| \{class\}`([\w-]+) <pnnkern\.learning\.(\w+)>` .*\| (`[^|]*) \|$", METHODS, re.M)
SHOWN = [(rule, cell) for rule, _, cells in ROWS for cell in re.findall(r"`([^`]+)`", cells)]


def test_every_rule_is_on_the_page_of_methods() -> None:
    rules = recipe.kinds("rule")
    assert {rule for rule, _, _ in ROWS} == rules.keys() == matrix.collect().keys()
    for rule, name, _ in ROWS:
        assert rules[rule].__name__ == name  # type: ignore[attr-defined]


def test_every_rule_that_trains_resistors_is_measured() -> None:
    measured = re.findall(r"^\| `([\w-]+)` \| [\d ]+ \| [\d.]+ ± [\d.]+ \|$", METHODS, re.M)
    assert sorted(measured) == sorted(rule for rule, row in matrix.collect().items() if row["resistor-network"].trains)


@pytest.mark.parametrize(("rule", "cell"), SHOWN, ids=[cell for _, cell in SHOWN])
def test_a_recipe_of_each(rule: str, cell: str) -> None:
    """It can be put together; full data sets by the digits that are shipped."""
    name, *settings = cell.split(" --set ")
    shipped = ["data.name=mnist-small"] if "mnist" in name else []
    chosen = recipe.find(name, [*settings, *shipped])
    assert chosen.rule.kind == rule
    assemble(chosen, Path("nowhere"))


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_within_the_pages(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", page.read_text())
    links += [f"{name}.md" for name in re.findall(r"^:link: ([\w/-]+)$", page.read_text(), re.M)]
    made = {f"_static/drawn/{name}" for name in re.findall(r'savefig\("([^"]+)"', page.read_text())}  # when the site is built
    made |= set(re.findall(r"docs/(_static/drawn/\S+\.png)", (DOCS.parent / "scripts/docs.sh").read_text()))
    made |= {f"gallery/{path.stem}.rst" for path in (DOCS.parent / "scripts/gallery").glob("*.py")} | {"gallery/index.md"}
    missing = [link for link in links if link.removeprefix("../") not in made and not (page.parent / link).exists() and "{" not in link]
    assert not missing


README = (DOCS.parent / "README.md").read_text()


def test_links_of_the_readme() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", README)
    assert len(links) > 20
    assert not [link for link in links if not (DOCS.parent / link).exists()]


def test_the_picture_on_top_is_small() -> None:
    picture = DOCS / "_static/pnnkern.png"
    assert "](docs/_static/pnnkern.png)" in README.split("##")[0]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 150_000


def test_blocks_of_the_tour_run(tmp_path: Path) -> None:
    assert script("run_blocks").run(DOCS / "tour.md", tmp_path)
    assert (tmp_path / "runs/mine/config.toml").exists()
