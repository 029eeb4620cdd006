"""Which rules train which systems: derived from what the ones need and the others can do, not kept by hand."""

from typing import Any

from ..systems.protocols import how_population_runs, lacks
from .recipe import kinds


def collect() -> dict[str, dict[str, str]]:
    """For each kind of rule, for each kind of system: "" if the rule trains it, else what the system lacks."""
    systems = {name: system for name, system in kinds("system").items() if name != "plugin"}  # which may be anything
    return {name: {kind: lacks(system, *rule.needs) for kind, system in systems.items()} for name, rule in kinds("rule").items()}


def populations() -> dict[str, str]:
    """For each kind of system how a population runs through its kernels: "in one pass", "member by member", or which of them when."""
    return {name: how_population_runs(system) for name, system in kinds("system").items() if name != "plugin"}


def table(cells: dict[str, dict[str, str]], population: dict[str, str]) -> str:
    """The matrix as text: a cross where the rule trains the system, a letter where not, and below why; then how populations run."""
    systems = list(next(iter(cells.values()), {}))
    reasons: dict[str, str] = {}
    for row in cells.values():
        for reason in row.values():
            if reason and reason not in reasons:
                reasons[reason] = chr(ord("a") + len(reasons))
    width = max(len(rule) for rule in cells) + 2
    lines = [" " * width + "  ".join(systems)]
    for rule, row in cells.items():
        marks = [(reasons[row[s]] if row[s] else "x").center(len(s)) for s in systems]
        lines.append((rule.ljust(width) + "  ".join(marks)).rstrip())
    lines += ["", "x  trains it"] + [f"{letter}  the system lacks {reason}" for reason, letter in reasons.items()]
    ways: dict[str, list[str]] = {}
    for system, way in sorted(population.items(), key=lambda item: item[1]):
        ways.setdefault(way, []).append(system)
    lines += ["", "populations run " + "; ".join(f"{way}: {', '.join(names)}" for way, names in ways.items())]
    return "\n".join(lines)


def rows(cells: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """The matrix as rows {"rule", "system", "trains", "reason"}."""
    return [
        {"rule": rule, "system": system, "trains": not reason, "reason": reason}
        for rule, row in cells.items() for system, reason in row.items()
    ]  # fmt: skip
