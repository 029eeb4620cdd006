"""The reference page: python scripts/reference.py [--check] writes docs/reference.md, all keys of systems, rules and tables, and all losses.

Nothing on it is written by hand: keys, units, bounds, defaults and lines come from the declarations that `pnnkern show` reads.
"""

import argparse
import inspect
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

from pnnkern.experiments import recipe as recipes  # noqa: E402
from pnnkern.experiments import show, tables  # noqa: E402
from pnnkern.learning import losses, optimizers  # noqa: E402

PAGE = HERE / "docs" / "reference.md"
HEAD = """# Reference

All keys of recipes, as they are declared in the code. Written by `python scripts/reference.py`; `pnnkern show NAME` says the same of one
name, with the values of a recipe or a run. Defaults are the same in `--set TABLE.KEY=VALUE`, in a recipe and in Python. A default of 0 that
stands for the system's own value says so in its line."""


def page() -> str:
    """The page, Markdown."""
    parts = [HEAD]
    for what, known in (("Systems", "system"), ("Rules", "rule")):
        parts.append(f"## {what}")
        parts += [_part(kind, known, model) for kind, model in sorted(show._models(known).items())]
    parts.append("## Tables of a recipe")
    parts += [_part(name, name, model) for name, model in recipes.FIXED.items()]
    parts.append(f"## Losses\n\nWhat `rule.loss` comes to, in `pnnkern.learning`.\n\n{_classes(losses)}")
    parts.append(f"## Optimisers\n\nWhat `training.optimizer` comes to, in `pnnkern.learning`.\n\n{_classes(optimizers)}")
    listed = [(f"`{name}`", _safe(recipes.find(name).summary)) for name in recipes.names()]
    parts.append("## Recipes\n\n" + _rows(("recipe", "what it is"), listed))
    return "\n\n".join(parts) + "\n"


def _part(title: str, table: str, model: type[tables.Table]) -> str:
    """A heading, what it is, and its keys."""
    lines = []
    for row in show.rows(table, model):
        told = (show._value(row["default"]), row["unit"], row["bounds"], row["about"])
        lines.append((f"`{row['key'].partition('.')[2]}`", *map(_safe, told)))
    keys = _rows(("key", "default", "unit", "values", "what it is"), lines)
    called = [f"`{name}`{f' ({where})' if where else ''}" for name, where in show.functions(title).items()] if table == "rule" else []
    functions = f"\n\nAs functions: {_safe('; '.join(called))}." if called else ""
    return f"### {title}\n\n{_safe(show._first(model.__doc__))}{functions}\n\n{keys}"


def _classes(module: ModuleType) -> str:
    """The public classes of a module: how each is made, and the first lines of its documentation."""
    own = [thing for thing in vars(module).values() if inspect.isclass(thing) and thing.__module__ == module.__name__]
    public = [thing for thing in own if not thing.__name__.startswith("_")]
    made = [(f"`{thing.__name__}`", _safe(", ".join(map(_argument, inspect.signature(thing).parameters.values())))) for thing in public]
    about = [_safe(show._first(thing.__doc__)) for thing in public]
    return _rows(("name", "made with", "what it is"), [(*row, line) for row, line in zip(made, about, strict=True)])


def _argument(parameter: inspect.Parameter) -> str:
    return parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where the page is not up to date")
    if parser.parse_args().check:
        sys.exit(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page())
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
