"""What a name stands for: a recipe, a kind of system or rule, a table, a key or the folder of a run, with all its keys as they are declared.

Nothing is written for this: keys, defaults and bounds are those of the pydantic models, documentation is the comment beside a key.
"""

import inspect
import json
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import _declared
from . import derived, tables, text, units
from . import recipe as recipes
from .recipe import Recipe, RecipeError

Row = dict[str, Any]
_TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}


def collect(name: str) -> dict[str, Any]:
    """{"name", "what", "about", "keys"}: of each key its "key", "value", "default", "unit", "bounds" and "about", and where kinds differ "of".

    Of a rule also its "functions". Raises `RecipeError` for a name that is none, with the nearest.
    """
    systems, rules, fixed = _models("system"), _models("rule"), recipes.FIXED
    if name in recipes.names():
        return _recipe(recipes.find(name), name, "recipe")
    for what, table, known in (("system", "system", systems), ("rule", "rule", rules), ("table", name, fixed)):
        if name in known:
            model = known[name]
            found: dict[str, Any] = {"name": name, "what": what, "about": _first(model.__doc__), "keys": rows(table, model)}
            return found | ({"functions": functions(name)} if what == "rule" else {})
    if keys := [row for row in every_key() if row["key"] == name]:
        return {"name": name, "what": "key", "about": "", "keys": keys}
    path = Path(name)
    if name.endswith(".toml"):
        return _recipe(recipes.find(name), name, "recipe")
    if path.is_dir():
        return _recipe(recipes.read_run(path), name, "run")
    raise RecipeError(f"nothing is called {name!r}: {recipes.nearest(name, names())}")


def functions(rule: str) -> dict[str, str]:
    """Public functions of pnnkern that a kind of rule wraps, or that give what it gives; each with the systems and keys for which they do."""
    return {f"pnnkern.{name}": where for name, where in recipes.kinds("rule")[rule].functions.items()}


def names() -> list[str]:
    """All that `collect` knows, but for files and folders."""
    kinds = [*recipes.kinds("system"), *recipes.kinds("rule"), *recipes.FIXED]
    return [*recipes.names(), *kinds, *dict.fromkeys(row["key"] for row in every_key())]


def every_key() -> list[Row]:
    """The keys of all tables; of systems and rules those that are declared alike once, with the kinds that have them as "of"."""
    found: list[Row] = [row for table, model in recipes.FIXED.items() for row in rows(table, model)]
    for table, known in (("system", _models("system")), ("rule", _models("rule"))):
        alike: dict[str, Row] = {}
        for kind, model in sorted(known.items()):
            for row in rows(table, model):
                if row["key"] == f"{table}.kind":
                    row |= {"default": None, "value": None, "bounds": "|".join(sorted(known)), "about": _kind(table)}
                alike.setdefault(repr(row), row | {"of": []})["of"].append(kind)
        found += alike.values()
    return found


def rows(table: str, model: type[tables.Table], values: Mapping[str, Any] | None = None) -> list[Row]:
    """The keys of a table, in the order of their declaration; with the `values` they have, else their defaults."""
    comments = _declared.comments(model)
    schema = model.model_json_schema()["properties"]
    made = []
    for key, field in model.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        unit, about = comments.get(key, ("", ""))
        if issubclass(model, derived.Derived):
            unit, about = schema[key].get("unit", ""), field.description or ""
        about = _kind(table) if key == "kind" else about
        value = default if values is None else values[key]
        made.append(
            {"key": f"{table}.{key}", "value": value, "default": default, "unit": unit, "bounds": _bounds(schema[key]), "about": about}
        )
    return made


def _models(table: str) -> dict[str, type[tables.Table]]:
    """The tables of all kinds of systems, or of rules."""
    return {kind: derived.table(cls) for kind, cls in recipes.kinds(table).items()}


def _kind(table: str) -> str:
    return f"what kind of {table} it is"


def _recipe(recipe: Recipe, name: str, what: str) -> dict[str, Any]:
    keys = [row for table in recipes.TABLES for row in rows(table, type(getattr(recipe, table)), getattr(recipe, table).model_dump())]
    return {"name": name, "what": what, "about": recipe.summary, "recipe": recipe.recipe, "keys": keys}


def _first(doc: str | None) -> str:
    """The first sentence or paragraph of a docstring."""
    return " ".join(inspect.cleandoc(doc or "").partition("\n\n")[0].split())


def _bounds(schema: Mapping[str, Any]) -> str:
    """What values a key may have, in words."""
    if "enum" in schema or "const" in schema:
        return "|".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        least = schema.get("minItems", 0)
        most = schema.get("maxItems")
        size = "" if not least and most is None else f" of {least}" if least == most else f" of {least} or more"
        return f"list{size}: {_bounds(schema['items'])}"
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    found = [(sign, schema[name]) for name, sign in signs.items() if name in schema]
    limits = [f"{sign} {value:g}" if isinstance(value, float) or value < 1e6 else f"{sign} {value}" for sign, value in found]
    return " ".join([_TYPES.get(schema.get("type", ""), "value"), " and ".join(limits)]).rstrip()


# ------------------------------------------------------------------------------------------------------------------------ text
def page(found: Mapping[str, Any], width: int = 100) -> str:
    """What was collected, as text of so many columns."""
    lines = [f"{found['what']} {text.plain(found['name'])}" + (f": {text.plain(found['about'])}" if found["about"] else "")]
    lines = textwrap.wrap(lines[0], width)
    keys: list[Row] = found["keys"]
    names = {id(row): row["key"] if found["what"] == "key" else row["key"].partition(".")[2] for row in keys}
    left = max(len(name) for name in names.values()) + 2
    middle = min(24, max(len(_value(row["value"])) for row in keys)) + 2
    table = ""
    for row in keys:
        if found["what"] != "key" and row["key"].partition(".")[0] != table:
            table = row["key"].partition(".")[0]
            lines += ["", f"[{table}]"]
        head = f"{names[id(row)]:<{left}}{_value(row['value']):<{middle}}"
        lines += _wrapped(head, _told(row), left + middle, width)
    if called := found.get("functions"):
        wide = max(map(len, called)) + 2
        lines += ["", "as functions"]
        lines += [line.rstrip() for name, where in called.items() for line in _wrapped(f"{name:<{wide}}", where, wide, width)]
    return "\n".join(lines)


def _told(row: Row) -> str:
    """Unit, bounds, default and documentation of a key in one line."""
    value, unit = row["value"], row["unit"]
    parts = []
    if unit:
        number = isinstance(value, int | float) and not isinstance(value, bool) and value
        parts.append(f"{unit} ({units.si(value, unit)})" if number and units.si(value, unit) != f"{value:g} {unit}" else unit)
    parts.append(row["bounds"])
    if row["default"] is not None and row["default"] != value:
        parts.append(f"default {_value(row['default'])}")
    if row.get("of"):
        parts.append(f"of {', '.join(row['of'])}")
    return "; ".join(parts) + (f": {row['about']}" if row["about"] else "")


def _value(value: Any) -> str:
    return "" if value is None else text.plain(json.dumps(value, ensure_ascii=False))


def _wrapped(head: str, told: str, indent: int, width: int) -> Iterable[str]:
    """A line that begins with `head` and goes on below itself; on its own lines where the head is long or the page narrow."""
    room = width - indent
    if room < 24:
        return [text.short(head.rstrip(), width), *textwrap.wrap(told, width, initial_indent="    ", subsequent_indent="    ")]
    pieces = textwrap.wrap(told, room) or [""]
    first = [head.ljust(indent) + pieces[0]] if len(head) <= indent else [text.short(head.rstrip(), width), " " * indent + pieces[0]]
    return [*first, *(" " * indent + piece for piece in pieces[1:])]
