"""Which points a sweep has: every combination of a grid, a list of settings and random draws, or what Optuna proposes next.

    recipe = "coupled-iris"                 # a recipe, or a .toml file beside this one
    count = 20                              # draws of [random]
    [set]                                   # of all points
    "training.epochs" = 20
    [grid]                                  # every combination
    "training.seed" = "0..3"                # 0, 1, 2, 3
    "training.batch" = [10, 20]
    [list]                                  # side by side: as many values for each key
    "rule.kind" = ["coupled-learning", "in-silico"]
    "rule.eta" = [0.01, 0.1]
    [random]
    "training.lr" = { low = 1e-3, high = 0.1, log = true }
    "system.hidden" = { choices = [[16], [32]] }
"""

import itertools
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from .. import _files
from .. import random as draws
from . import recipe as recipes
from .recipe import LONGEST, RecipeError
from .tables import Table

MOST = 100_000  # points of a sweep
DIGITS = 6  # of a number that is drawn: what a person can type again
_RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")

Scalar = bool | Annotated[int, Field(ge=-(2**63), lt=2**63)] | float | str
Value = Scalar | list[Scalar | list[Scalar]]
Values = dict[str, Value]


class Choices(Table):
    """One of several values."""

    choices: list[Value] = Field(min_length=1)

    def at(self, share: float) -> Value:
        """The value at a share in [0, 1) of the way."""
        return self.choices[int(share * len(self.choices))]

    def distribution(self) -> Any:
        """Of Optuna's parameter: the number of the choice, which may be a list."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(range(len(self.choices)))

    def parameter(self, value: Value) -> Any:
        """Optuna's parameter of a value."""
        return self.choices.index(value)

    def value(self, parameter: Any) -> Value:
        """The value of Optuna's parameter."""
        return self.choices[parameter]


class Between(Table):
    """A number from `low` to `high`, with both."""

    low: float
    high: float
    log: bool = False  # evenly by the logarithm
    integer: bool = False  # whole numbers

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"what is drawn by its logarithm must be above 0, got low {self.low:g}")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"the ends of whole numbers must be whole, got {self.low:g} and {self.high:g}")
        return self

    def at(self, share: float) -> Value:
        """The value at a share in [0, 1) of the way."""
        high = self.high + self.integer
        value = self.low * (high / self.low) ** share if self.log else self.low + (high - self.low) * share
        return min(int(value), int(self.high)) if self.integer else self.value(value)

    def distribution(self) -> Any:
        """Of Optuna's parameter."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.integer:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def parameter(self, value: Value) -> Any:
        """Optuna's parameter of a value."""
        return value

    def value(self, parameter: Any) -> Value:
        """The value of Optuna's parameter."""
        return int(parameter) if self.integer else float(f"{parameter:.{DIGITS}g}")


def _form(value: Any) -> str:
    return "choices" if isinstance(value, dict) and "choices" in value else "between"


Spread = Annotated[Annotated[Choices, Tag("choices")] | Annotated[Between, Tag("between")], Discriminator(_form)]


class Asked(Table):
    """A file that describes a sweep."""

    recipe: str
    sampler: Literal["random", "optuna"] = "random"  # where the values of [random] come from
    count: int = Field(0, ge=0, le=MOST)  # how many draws of [random]; of Optuna, points to add at a time
    seed: int = Field(0, ge=0, lt=2**63)  # of the draws
    fixed: Values = Field({}, alias="set")
    grid: dict[str, list[Value] | str] = Field({})
    listed: dict[str, list[Value] | str] = Field({}, alias="list")
    random: dict[str, Spread] = Field({})


def read(file: Path, *, sampler: str | None = None, count: int | None = None) -> Asked:
    """The sweep that a file describes. sampler, count : in the place of the file's. Raises `RecipeError` in one line."""
    text = _files.read_text(file, LONGEST, f"the sweep {file}", RecipeError)
    try:
        table = recipes.parsed(text)
    except ValueError as error:
        raise RecipeError(f"{file} is no valid TOML: {error}") from error
    known = [field.alias or name for name, field in Asked.model_fields.items()]
    for key in table:
        if key not in known:
            place = "; keys of the recipe go under [set] or [grid]"
            raise RecipeError(f"{file}: unknown key {recipes.shown(key)}: {recipes.nearest(key, known)}{place}")
    given = {"sampler": sampler, "count": count}
    try:
        asked = Asked.model_validate(table | {key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"][:2])
        message = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"{file}: {path}: {message[0].lower()}{message[1:]}, got {recipes.shown(first['input'])}") from error
    if asked.recipe.endswith(".toml"):
        asked = asked.model_copy(update={"recipe": str(file.parent / asked.recipe)})
    try:
        _refuse_strange(asked)
    except RecipeError as error:
        raise RecipeError(f"{file}: {error}") from error
    return asked


def _refuse_strange(asked: Asked) -> None:
    """Raise `RecipeError` for keys that are chosen twice, lists that do not fit each other, and draws that are not counted."""
    tables: dict[str, dict[str, Any]] = {"set": asked.fixed, "grid": asked.grid, "list": asked.listed, "random": asked.random}
    for (one, a), (two, b) in itertools.combinations(tables.items(), 2):
        if both := [key for key in a if key in b]:
            raise RecipeError(f"{both[0]} stands under [{one}] and under [{two}]: it must stand under one of them")
    grid, lengths = ({key: len(values) for key, values in columns.items()} for columns in (_columns(asked.grid), _columns(asked.listed)))
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {count}" for key, count in lengths.items())
        raise RecipeError(f"values under [list] stand side by side, so that each key must have as many, but {told}")
    if bool(asked.random) != bool(asked.count):
        raise RecipeError("[random] needs count, the number of draws" if asked.random else "count is for draws of [random], which is empty")
    if asked.sampler == "optuna" and (asked.grid or asked.listed or not asked.random):
        raise RecipeError("optuna chooses the values of [random]: give these, and leave out [grid] and [list]")
    total = math.prod(grid.values()) * max(lengths.values(), default=1) * max(asked.count, 1)
    if total > MOST:
        raise RecipeError(f"these are {total} points, and a sweep has {MOST} at most")


def _columns(table: dict[str, list[Value] | str]) -> dict[str, list[Value]]:
    """The values of each key; "0..9" stands for ten whole numbers."""
    found = {}
    for key, values in table.items():
        found[key] = _range(key, values) if isinstance(values, str) else values
        if not found[key]:
            raise RecipeError(f"{key} has no value: leave it out, or give it one")
    return found


def _range(key: str, text: str) -> list[Value]:
    ends = _RANGE.fullmatch(text)
    if not ends:
        raise RecipeError(f'{key} must be a list of values, or a range of whole numbers such as "0..9", got {recipes.shown(text)}')
    first, last = (int(number) for number in ends.groups())
    if not 0 <= last - first < MOST:
        raise RecipeError(f"{key} must go upward, over {MOST} numbers at most, got {text}")
    return list(range(first, last + 1))


def choose(asked: Asked, results: Iterable[tuple[Values, float | None]] = ()) -> Iterator[Values]:
    """The values of each point, one after the other. results : of points that were chosen before, with what they came to, for Optuna."""
    if asked.sampler == "optuna":
        yield from _proposed(asked, list(results))
        return
    grid, listed = _columns(asked.grid), _columns(asked.listed)
    rows = [dict(zip(listed, row, strict=True)) for row in zip(*listed.values(), strict=True)] or [{}]
    drawn = _drawn(asked)
    for combination in itertools.product(*grid.values()):
        for row, draw in itertools.product(rows, drawn):
            yield dict(zip(grid, combination, strict=True)) | row | draw


def _drawn(asked: Asked) -> list[Values]:
    """Draws of [random], each key from a stream of its own: more draws, or another key beside it, leave the first ones as they are."""
    key = draws.key(asked.seed)
    columns = {
        name: [spread.at(share) for share in draws.uniform(draws.fold_in(key, name), (asked.count,), dtype="float64").tolist()]
        for name, spread in asked.random.items()
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] or [{}]


def _proposed(asked: Asked, results: list[tuple[Values, float | None]]) -> Iterator[Values]:
    """`count` proposals of Optuna's tree-structured Parzen estimator, told what finished points came to: ask and tell, nothing is kept."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise RecipeError('the sampler optuna is not installed: pip install "pnnkern[sweep]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spreads: dict[str, Any] = {key: spread.distribution() for key, spread in asked.random.items()}
    # a seed for each round, else one round would repeat the draws of the one before
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=(asked.seed + len(results)) % 2**32))
    for values, result in results:
        known = {key: asked.random[key].parameter(value) for key, value in values.items() if key in spreads}
        if result is not None and known.keys() == spreads.keys():
            study.add_trial(optuna.trial.create_trial(params=known, distributions=spreads, value=result))
    for _ in range(asked.count):
        yield {key: asked.random[key].value(parameter) for key, parameter in study.ask(spreads).params.items()}


__all__ = ["MOST", "Asked", "Between", "Choices", "Value", "Values", "choose", "read"]
