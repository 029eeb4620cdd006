"""What a shell may complete: names of recipes, kinds, keys and benchmarks, and folders of runs. Nothing here raises or prints."""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path

import typer

from ._errors import PnnError

Found = list[tuple[str, str]]  # what to type, and a line about it


def _quiet(complete: Callable[[typer.Context, str], Found]) -> Callable[[typer.Context, str], Found]:
    """Nothing where completing fails: there is no place for a message on a line that is being typed."""

    @wraps(complete)
    def tried(ctx: typer.Context, incomplete: str) -> Found:
        try:
            return complete(ctx, incomplete)
        except (PnnError, OSError, ValueError):
            return []

    return tried


def _given(ctx: typer.Context, name: str) -> str:
    """The argument of that name; while an option still lacks its value, the first word that is there."""
    return str(ctx.params.get(name) or next(iter(ctx.args), ""))


def _beginning(words: Iterable[str], incomplete: str) -> Found:
    return [(word, "") for word in words if word.startswith(incomplete)]


@_quiet
def recipes(ctx: typer.Context, incomplete: str) -> Found:
    """Recipes with their summaries, and .toml files."""
    from .experiments import recipe

    found = [(name, recipe.find(name).summary) for name in recipe.names() if name.startswith(incomplete)]
    return found + _paths(incomplete, lambda path: path.suffix == ".toml" and path.name != "config.toml")


@_quiet
def runs(ctx: typer.Context, incomplete: str) -> Found:
    """Folders of runs, and folders on the way to them."""
    return _paths(incomplete, lambda path: (path / "config.toml").is_file())


@_quiet
def sweeps(ctx: typer.Context, incomplete: str) -> Found:
    """Folders of sweeps, and folders on the way to them."""
    return _paths(incomplete, lambda path: (path / "sweep.toml").is_file())


@_quiet
def tables(ctx: typer.Context, incomplete: str) -> Found:
    """.toml files, and folders on the way to them."""
    return _paths(incomplete, lambda path: path.suffix == ".toml")


def _paths(incomplete: str, wanted: Callable[[Path], bool]) -> Found:
    """What is wanted in the folder that is being typed, and the folders in it."""
    above, _, name = incomplete.rpartition("/")
    folder = Path(above or ("/" if incomplete.startswith("/") else "."))
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        shown = f"{incomplete[: len(incomplete) - len(name)]}{path.name}"
        if path.name.startswith(name) and not (path.name.startswith(".") and not name):
            found += [(shown, "")] if wanted(path) else [(f"{shown}/", "")] if path.is_dir() else []
    return found


@_quiet
def settings(ctx: typer.Context, incomplete: str) -> Found:
    """Keys of --set, of the recipe or the run that is named before if there is one; after ``key=`` the values that it may have."""
    from .experiments import recipe, show

    key, equals, begun = incomplete.partition("=")
    going_on = ctx.info_name == "resume"
    name = _given(ctx, "folder" if going_on else "recipe")
    rows = show.collect(name)["keys"] if going_on or name in recipe.names() else show.every_key()
    if going_on:
        rows = [row for row in rows if not recipe.fixed([row["key"]])]
    if equals:
        kinds = [row for row in show.every_key() if row["key"] == key] if key.endswith(".kind") else rows
        choices = [choice for row in kinds if row["key"] == key and "|" in row["bounds"] for choice in row["bounds"].split("|")]
        return [(f"{key}={choice}", "") for choice in dict.fromkeys(choices) if choice.startswith(begun)]
    return [(f"{row['key']}=", row["about"]) for row in {r["key"]: r for r in rows}.values() if row["key"].startswith(incomplete)]


@_quiet
def keys(ctx: typer.Context, incomplete: str) -> Found:
    """Keys of recipes."""
    from .experiments import show

    return [(row["key"], row["about"]) for row in {r["key"]: r for r in show.every_key()}.values() if row["key"].startswith(incomplete)]


@_quiet
def shown(ctx: typer.Context, incomplete: str) -> Found:
    """Whatever `pnnkern show` knows."""
    from .experiments import show

    return _beginning(show.names(), incomplete) + runs(ctx, incomplete)


@_quiet
def exports(ctx: typer.Context, incomplete: str) -> Found:
    """What the run that is named before can export."""
    from .experiments import recipe, run

    found = recipe.read_run(Path(_given(ctx, "folder")))
    exports = run.build(found, found.system.values().get("classes", 2)).exports()
    return [(name, quantity.about) for name, quantity in exports.items() if name.startswith(incomplete)]


@_quiet
def benchmarks(ctx: typer.Context, incomplete: str) -> Found:
    """Benchmarks, and `list`."""
    from .experiments import bench

    return _beginning([*bench.names(), "list"], incomplete)
