"""Which rules train which systems: derived from what the ones need and the others can do, not kept by hand.

A system is asked as the recipe describes it that comes with the package for its kind: what it can do may depend on its values.
"""

from dataclasses import dataclass
from typing import Any

from ..systems.protocols import how_population_runs, lacks
from . import recipe as recipes
from .recipe import kinds

OUTPUTS = 10  # classes; which they are decides on nothing here


@dataclass(frozen=True)
class Cell:
    """A rule on a system: what the system lacks, in words, or which keys must have other values than in its recipe; neither if it trains."""

    reason: str = ""
    needs: str = ""

    @property
    def trains(self) -> bool:
        """Whether the rule trains the system of its recipe as it is, with nothing else changed."""
        return not (self.reason or self.needs)


def collect() -> dict[str, dict[str, Cell]]:
    """The cell of each kind of rule and kind of system."""
    built = systems()
    return {name: {kind: _cell(system, rule) for kind, system in built.items()} for name, rule in kinds("rule").items()}


def systems() -> dict[str, Any]:
    """A system of each kind, but for plugins, which may be anything: that of its recipe, or the class where it has none."""
    from .run import build  # which asks this module in return

    known: dict[str, Any] = {name: cls for name, cls in kinds("system").items() if name != "plugin"}
    return {name: build(recipes.find(cls.recipe), OUTPUTS) if cls.recipe else cls for name, cls in known.items()}


def _cell(system: Any, rule: Any) -> Cell:
    missing = lacks(system if isinstance(system, type) else type(system), *rule.needs)
    return Cell(reason=missing) if missing else Cell(needs=lacks(system, *rule.needs))


def able(rule: Any) -> list[str]:
    """The kinds of systems that have what a rule needs, whatever their values."""
    return [name for name, system in kinds("system").items() if name != "plugin" and not lacks(system, *rule.needs)]


def populations() -> dict[str, str]:
    """For each kind of system how a population runs through its kernels: "in one pass", "member by member", or which of them when."""
    return {name: how_population_runs(system) for name, system in kinds("system").items() if name != "plugin"}


def table(cells: dict[str, dict[str, Cell]], population: dict[str, str]) -> str:
    """The matrix as text: a cross where the rule trains the system, a number where it needs a value, a letter where it cannot; and why."""
    names = list(next(iter(cells.values()), {}))
    every = [cell for row in cells.values() for cell in row.values()]
    letters = {reason: chr(ord("a") + n) for n, reason in enumerate(dict.fromkeys(cell.reason for cell in every if cell.reason))}
    numbers = {needs: str(n) for n, needs in enumerate(dict.fromkeys(cell.needs for cell in every if cell.needs), 1)}
    width = max(len(rule) for rule in cells) + 2
    lines = [" " * width + "  ".join(names)]
    for rule, row in cells.items():
        marks = [(letters | numbers).get(cell.reason or cell.needs, "x").center(len(name)) for name, cell in row.items()]
        lines.append((rule.ljust(width) + "  ".join(marks)).rstrip())
    lines += ["", "x  trains it, from the system's recipe with rule.kind changed and nothing else"]
    lines += [f"{number}  trains it, but needs {needs}" for needs, number in numbers.items()]
    lines += [f"{letter}  the system lacks {reason}" for reason, letter in letters.items()]
    ways: dict[str, list[str]] = {}
    for system, way in sorted(population.items(), key=lambda item: item[1]):
        ways.setdefault(way, []).append(system)
    recipe_of = ", ".join(f"{name}: {kinds('system')[name].recipe or 'none, its defaults'}" for name in names)
    lines += ["", f"recipes are {recipe_of}"]
    lines += ["", "populations run " + "; ".join(f"{way}: {', '.join(found)}" for way, found in ways.items())]
    return "\n".join(lines)


def rows(cells: dict[str, dict[str, Cell]]) -> list[dict[str, Any]]:
    """The matrix as rows {"rule", "system", "recipe", "trains", "needs", "reason"}."""
    return [
        {
            "rule": rule, "system": system, "recipe": kinds("system")[system].recipe,
            "trains": cell.trains, "needs": cell.needs, "reason": cell.reason,
        }
        for rule, row in cells.items() for system, cell in row.items()
    ]  # fmt: skip
