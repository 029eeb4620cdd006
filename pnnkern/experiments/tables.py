"""The tables of a recipe as pydantic models. Units are SI. A key's comment is what `pnnkern show` says of it, its unit first in brackets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from .plots import Picture

MOST = 1 << 24  # of anything: sizes of arrays still multiply to what memory can be asked for, and loops come to an end
Count = Annotated[int, Field(ge=1, le=MOST)]
Turns = Annotated[int, Field(ge=1, le=100_000)]  # of a loop inside one step
Number = Annotated[int, Field(ge=0, lt=2**63)]  # that stands for no array and no loop but the run itself


class Table(BaseModel):
    """A table of a recipe: types are strict, unknown keys are errors, numbers are finite, values do not change once read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class Data(Table):
    """[data]: what to learn from."""

    name: str = "mnist-small"  # mnist-small, mnist, fashion-mnist, digits, iris, wine, vowel, openml:NAME, xor, curve, plane, allostery:SxT
    path: str = ""  # your own .npz or folder of IDX files instead
    folder: str = ""  # where the IDX folders lie; default the environment's PNNKERN_DATA
    train: Number = 0  # use the first so many training images; 0 is all
    test: Number = 0  # use the first so many test images; 0 is all
    validation: Number = 0  # n: test on every n-th training sample of each class, which is held out; 0: on the test set
    classes: list[Number] = []  # keep these labels only, which become 0, 1, ... in this order; all if empty
    pool: Count = 1  # average the pixels of images over squares of so many on a side


class System(Table):
    """[system]: base of every kind of system. A kind says how it is built; see `systems/d2nn.py` for one."""

    kind: str
    outputs: ClassVar[Literal["powers", "signed"]] = "powers"  # what is measured: powers of light, or values of either sign
    output_unit: ClassVar[str] = "1"  # SI unit of what is measured

    @classmethod
    def made(cls) -> type:
        """The class of the systems that `build` makes; what it can do decides which rules train it."""
        raise TypeError(f"{cls.__name__} does not say what it builds")

    def ideal(self) -> "System":
        """The same system for the exact-gradient control: with parameters that an optimiser can write as it likes."""
        return self

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> Any:
        """The system itself, with parameters drawn from `key` on `device`, for `classes` classes. Raises ValueError if it cannot be."""
        raise TypeError(f"{type(self).__name__} does not say how it is built")

    def judged_by(self) -> dict[str, Any]:
        """The loss that nudges towards this kind's targets lower, in the words of a `Supervised` rule."""
        return {"loss": "mse"}

    def no_circle(self) -> str:
        """What must be set before nudges can go round a circle in the complex plane; "" if nothing."""
        return ""

    def square_error(self) -> Any:
        """The square error with the targets that this kind of system sets its outputs."""
        from ..learning import SquareError

        return SquareError()

    def pictures(self, trainer: Any, scores: np.ndarray) -> "list[Picture]":
        """Pictures of the trained system for the report; `scores` are those of all test images."""
        return []

    def checks(self, trainer: Any, chosen: np.ndarray) -> "Checks | None":
        """The trained system under better physics, on the `chosen` test images."""
        return None

    def estimates(self, system: Any) -> dict[str, float]:
        """What it would cost to build and run, by name with the unit; printed beside the accuracy."""
        return {}

    def exports(self) -> "dict[str, Quantity]":
        """What `export` can give."""
        return {}

    def export(self, what: str, parameters: "dict[str, np.ndarray]", index: float | None = None) -> np.ndarray:
        """The array `what` from trained parameters. index : refractive index of a print, None for the table's own.

        Raises ValueError for an unsuitable index.
        """
        raise ValueError(f"a system of kind {self.kind!r} has nothing called {what!r} to export")

    def facts(self, what: str, index: float | None = None) -> dict[str, Any]:
        """What else must be known to use an exported array, by name, in SI units.

        Pictures need "pitch", and "full_scale": what can be added to a value without a change, 2 pi for phases.
        """
        return {}


@dataclass(frozen=True)
class Quantity:
    """What can be exported: a line on it, and its SI unit; "1" for pure numbers."""

    about: str
    unit: str = "1"


@dataclass(frozen=True)
class Checks:
    """A table for the report: rows {"what", "accuracy", "note"}, with a title and a caption, and pictures to go with it."""

    title: str
    caption: str
    rows: list[dict[str, Any]]
    pictures: "tuple[Picture, ...]" = ()


class Rule(Table):
    """[rule]: base of every learning rule."""

    kind: str

    @classmethod
    def made(cls) -> type:
        """The class of the rules that `build` makes; its `needs` decide which systems it trains."""
        raise TypeError(f"{cls.__name__} does not say what it builds")

    def build(self, system: System, key: Any) -> Any:
        """The rule itself, for a system of this kind; `key` draws what is random about it. Raises ValueError if the two do not fit."""
        raise TypeError(f"{type(self).__name__} does not say how it is built")

    def exact(self, system: System) -> "Rule":
        """The table of the exact-gradient control's rule: in-silico training with the same loss."""
        from .registry import rule

        same = {name: getattr(self, name) for name in ("loss", "scale") if hasattr(self, name)}
        table: Rule = rule.classes()["in-silico"](**same)
        return table


class Supervised(Rule):
    """[rule] that lowers a loss on measured outputs."""

    loss: Literal["cross-entropy", "mse", "differential"] = "cross-entropy"  # differential: of pairs of detectors
    scale: float = Field(10.0, gt=0)  # factor on the outputs before the loss; mse has none

    def loss_on(self, system: System) -> Any:
        """The loss, for what this kind of system measures."""
        from ..learning import CrossEntropy, Differential, Logits, MeanSquare

        pairs = getattr(system, "detectors", "single") == "differential"
        if pairs != (self.loss == "differential"):
            raise ValueError(
                f"system.detectors='differential' and rule.loss='differential' need each other, got rule.loss={self.loss!r}"
            )
        if self.loss == "mse":
            return MeanSquare() if system.outputs == "powers" else system.square_error()
        if system.outputs == "signed":
            return Logits(self.scale)
        return (Differential if pairs else CrossEntropy)(self.scale)


class Training(Table):
    """[training]: the loop."""

    epochs: int = Field(5, ge=1, lt=2**63)  # passes over the training samples
    batch: int = Field(50, ge=1, lt=2**63)  # samples of a step
    seed: Number = 0  # of everything random
    optimizer: Literal["adam", "sgd"] = "adam"  # turns gradients into steps; devices that are written have their own way
    lr: float = Field(0.05, gt=0)  # learning rate, in the parameters' unit
    momentum: float = Field(0.0, ge=0, lt=1)  # of sgd
    schedule: Literal["constant", "halve", "cosine", "decay"] = "constant"  # of lr; cosine: to 0 over all epochs, so that more raise it again
    halve_every: int = Field(4, ge=1, lt=2**63)  # epochs after which the rate is halved; schedule "halve" only
    decay: float = Field(0.99, gt=0, le=1)  # factor on the rate after each epoch; schedule "decay" only


class Compute(Table):
    """[compute]: where and how; recorded, because a resumed run repeats to the bit only with the same."""

    device: Literal["cpu", "cuda"] = "cpu"  # where the run is computed
    threads: int = Field(0, ge=0, le=1024)  # 0: PNNKERN_NUM_THREADS, or every core this process may use
    dtype: Literal["float32", "float64"] = "float32"  # of parameters and fields
    chunk: Count = 64  # samples worked on at a time


class Checkpoint(Table):
    """[checkpoint]: how often the run is saved; always when it is stopped and at the end."""

    seconds: float = Field(60.0, ge=0)  # [s] between two checkpoints; 0: not by time
    steps: Number = 0  # between two checkpoints; 0: not by steps
    patience: float = Field(3600.0, ge=0)  # [s] for which a full disk is waited for before the run ends


class Control(Table):
    """[control]: what is printed beside the result."""

    linear: bool = True  # logistic regression on the same images
    exact: bool = True  # the same network and budget by exact gradients, in the folder `exact` of the run; where the rule is not exact
    iterations: Count = 200  # of the linear control's solver (L-BFGS) at most
