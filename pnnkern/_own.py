"""A user's own physics inside the kernels: scalar functions that are compiled into the loops of a room.

On a CPU Numba compiles them into the twins. On a GPU their CUDA C text stands where `pnnkern/own.cuh` is included, or numba-cuda makes PTX of
them, which is linked to the kernel. What a kernel needs of a function goes by roles: `own_f` is a function, `own_slope` its derivative.
"""

import contextlib
import functools
import importlib.util
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _array, _constants, _launch
from ._array import Array, Values
from ._errors import DeviceError
from ._gate import accepts_any

STEP = 1e-200  # imaginary: its square is nothing, so that f(v + i STEP) = f(v) + i STEP f'(v) with no rounding of a difference
POINTS = 33  # at which a function is looked at when it is made
Between = tuple[float, float] | Sequence[tuple[float, float]]


# ------------------------------------------------------------------------------------------------------------------- what is compiled
@dataclass(frozen=True, eq=False)
class Code:
    """A function and its derivative by the first argument, in all languages; without its constants' values, which kernels read from memory.

    names : of all arguments, constants last. arguments : how many of them a kernel gives. slope_of : what it is the derivative of, if it stands
    for one.
    """

    f: Callable[..., Any]
    given_slope: Callable[..., Any] | None
    cuda: str | None
    cuda_slope: str | None
    names: tuple[str, ...]
    arguments: int
    slope_of: str = ""
    given_slopes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)  # by others than the first, constants as well
    cuda_slopes: Mapping[str, str] = field(default_factory=dict)
    by: str = ""  # of a derivative by another argument than the first: which
    stepped: tuple[Callable[..., Any], str] | None = None  # of a derivative that complex step makes: of what, and by which argument

    @functools.cached_property
    def called(self) -> str:
        """What messages call the function."""
        return self.slope_of or getattr(self.f, "__name__", "f").replace("<lambda>", "the function")

    @functools.cached_property
    def run(self) -> Callable[..., Any]:
        """The function of numbers: compiled, or where there is no Numba as it is."""
        return _compiled(self.f, self.called, len(self.names))

    @functools.cached_property
    def slope(self) -> Callable[..., Any]:
        """The derivative of numbers: the given one, or made by complex step. Raises TypeError where it cannot be made."""
        if self.given_slope is not None:
            return _compiled(self.given_slope, "slope", len(self.names))
        return self.by_complex_step

    @functools.cached_property
    def by_complex_step(self) -> Callable[..., Any]:
        """The derivative by complex step. Raises TypeError where the function takes no complex numbers."""
        return self._by_complex_step(self.names[0])

    def _by_complex_step(self, name: str) -> Callable[..., Any]:
        try:
            made = _compiled(_stepped(self.names, self.run, name), self.called, len(self.names))
            made(*[0.5] * len(self.names))
        except (TypeError, ValueError, AttributeError) as error:
            which = "slope" if name == self.names[0] else f"slopes[{name!r}]"
            raise TypeError(
                f"{self.called} takes no complex numbers, by which its slope would be made (np.sinh does, math.sinh and comparisons do not): "
                f"give {which}, its derivative by {name}"
            ) from error
        except ArithmeticError:  # not at this place
            pass
        return made

    @functools.cached_property
    def derivative(self) -> "Code":
        """The derivative as a function of its own."""
        given, text = self.given_slope, self._text_by(self.names[0], self.cuda_slope)
        f, stepped = (given, None) if given is not None else (_stepped(self.names, self.f), (self.f, self.names[0]))
        made = Code(f, None, text, None, self.names, self.arguments, self.called, stepped=stepped)
        vars(made)["run"] = self.slope  # compiled already
        return made

    def derivative_by(self, name: str) -> "Code":
        """The derivative by any argument or constant as a function of its own; its text is 0 where that of the function does not name it."""
        if name == self.names[0]:
            return self.derivative
        if name not in self._derivatives:
            given, text = self.given_slopes.get(name), self._text_by(name, self.cuda_slopes.get(name))
            f, stepped = (given, None) if given else (_stepped(self.names, self.f, name), (self.f, name))
            made = Code(f, None, text, None, self.names, self.arguments, self.called, by=name, stepped=stepped)
            run = _compiled(given, f"slopes[{name!r}]", len(self.names)) if given else self._by_complex_step(name)
            vars(made)["run"] = run
            self._derivatives[name] = made
        return self._derivatives[name]

    def _text_by(self, name: str, given: str | None) -> str | None:
        named = self.cuda is None or re.search(rf"\b{name}\b", self.cuda)
        return given if given is not None or named else "0"

    @functools.cached_property
    def _derivatives(self) -> "dict[str, Code]":
        return {}

    @functools.cached_property
    def _kept(self) -> "dict[tuple[str, ...], Own]":
        return {}

    def __deepcopy__(self, memo: Any) -> "Code":
        return self


def own(*roles: tuple[str, Code, str]) -> "Own":
    """(name in the kernel, code, "f", "slope" or "value") of each function of a kernel, as `_launch.launch` takes them: one object for the
    same ones, as it stands for what is compiled."""
    first = roles[0][1]._kept
    key = tuple(f"{name} {id(code)} {part}" for name, code, part in roles)
    if key not in first:
        first[key] = Own(roles)
    return first[key]


def one_of(codes: Sequence[Code]) -> "Own":
    """Several functions as the "value" of a kernel on a GPU, of which the first constant says which: they are compiled together."""
    first, key = codes[0]._kept, ("one of", *(str(id(code)) for code in codes))
    if key not in first:
        first[key] = OneOf(tuple((f"own_f{j}", code, "f") for j, code in enumerate(codes)))
    return first[key]


@dataclass(frozen=True, eq=False)
class Own:
    """A user's functions in a kernel, by their roles."""

    roles: tuple[tuple[str, Code, str], ...]

    def __deepcopy__(self, memo: Any) -> "Own":
        return self

    # ------------------------------------------------------------------------------------------------------------------ on a CPU
    @functools.cached_property
    def compiled(self) -> tuple[Callable[..., Any], ...]:
        """What the twin takes in the order of the roles: functions of the arguments and an array of constants."""
        from .kernels._jit import inner

        made = []
        for name, code, part in self.roles:
            k, run = code.arguments, code.slope if part == "slope" else code.run
            constants = "".join(f", constants[{i}]" for i in range(len(code.names) - k))
            arguments = [f"x[i + {j} * n]" for j in range(k)] if part == "value" else [f"a{j}" for j in range(k)]
            takes = "x, i, n" if part == "value" else ", ".join(arguments)
            text = f"def {name}({takes}, constants): return run({', '.join(arguments)}{constants})"
            made.append(inner(error_model="numpy")(_written(text, run=run)))
        return tuple(made)

    # ------------------------------------------------------------------------------------------------------------------ on a GPU
    @functools.cached_property
    def text(self) -> str:
        """What stands in own.cuh. Raises `DeviceError` where there is neither text nor numba-cuda."""
        parts = [_text(name, code, part) for name, code, part in self.roles]
        return "\n".join(parts)

    def objects(self, architecture: str) -> tuple[str, ...]:
        """PTX of those functions that have no text, in both precisions."""
        return tuple(
            _ptx(name, code, part, real, architecture)
            for name, code, part in self.roles if _cuda(code, part) is None
            for real in ("f32", "f64")
        )  # fmt: skip

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Within this context errors of a compiler about the user's text become one sentence."""
        try:
            yield
        except RuntimeError as error:
            for _, code, part in self.roles:
                where = re.escape(_place(code, part))
                found = re.search(rf"{where}[:(](\d+)[):].*?error:? *(.*)", str(error))
                if found is not None:
                    argument = _argument(code, part)
                    raise ValueError(
                        f"{argument} of {code.called} does not compile, line {found[1]}: {found[2].strip()}; it must be an expression of "
                        f"CUDA C, or statements that return, in {', '.join(code.names)}"
                    ) from error
            raise


class OneOf(Own):
    """See `one_of`."""

    @functools.cached_property
    def text(self) -> str:
        calls = []
        for j, (name, code, _) in enumerate(self.roles):
            arguments = ", ".join(f"x[{i} * stride]" for i in range(code.arguments))
            calls.append(f"    if (constants[0] == {j}) return {name}({arguments}, constants + 1);")
        head = "namespace pnn { template <class real> PNN_HD real own_value(const real* x, long long stride, const real* constants) {"
        return "\n".join([super().text, head, *calls, "    return 0;", "} }"])


def _cuda(code: Code, part: str) -> str | None:
    return code.cuda_slope if part == "slope" else code.cuda


def _argument(code: Code, part: str) -> str:
    """The argument of a `ScalarFunction` that the text was given by."""
    if code.by:
        return f"cuda_slopes[{code.by!r}]"
    return "cuda_slope" if part == "slope" or code.slope_of else "cuda"


def _place(code: Code, part: str) -> str:
    return f"{_argument(code, part)} of {code.called}"


def _text(name: str, code: Code, part: str) -> str:
    """One function for own.cuh; a "value" also takes its arguments from memory."""
    given, inside = _cuda(code, part), "own_f" if part == "value" else name
    arguments, constants = code.names[: code.arguments], code.names[code.arguments :]
    if given is None:
        if importlib.util.find_spec("numba_cuda") is None:
            argument = _argument(code, part)
            raise DeviceError(
                f"{code.called} runs on a GPU as CUDA C: give {argument}, an expression in {', '.join(code.names)}, or install numba-cuda, "
                "which compiles the Python function (pip install numba-cuda nvidia-nvvm nvidia-nvjitlink)"
            )
        lines = []
        passed = ", ".join([*arguments, *(f"constants_of_it[{i}]" for i in range(len(constants)))])
        for real, suffix in (("float", "f32"), ("double", "f64")):
            lines.append(f'extern "C" __device__ {real} {name}_{suffix}({", ".join([real] * len(code.names))});')
            takes = ", ".join([*(f"{real} {a}" for a in arguments), f"const {real}* constants_of_it"])
            lines.append(f"namespace pnn {{ PNN_D {real} {inside}({takes}) {{ return {name}_{suffix}({passed}); }} }}")
        return "\n".join(lines + _value(part, code))
    body = given if re.search(r"\breturn\b", given) else f"return ({given});"
    takes = ", ".join([*(f"real {a}" for a in arguments), "const real* constants_of_it"])
    values = [f"    const real {c} = constants_of_it[{i}]; (void){c};" for i, c in enumerate(constants)]
    head = ["namespace pnn {", f"template <class real> PNN_HD real {inside}({takes}) {{", *values]
    return "\n".join([*head, f'#line 1 "{_place(code, part)}"', body, "}", "}  // namespace pnn", *_value(part, code)])


def _value(part: str, code: Code) -> list[str]:
    if part != "value":
        return []
    arguments = ", ".join(f"x[{j} * stride]" for j in range(code.arguments))
    head = "namespace pnn { template <class real> PNN_HD real own_value(const real* x, long long stride, const real* constants)"
    return [f"{head} {{ return own_f({arguments}, constants); }} }}"]


def _ptx(name: str, code: Code, part: str, real: str, architecture: str) -> str:
    """What numba-cuda makes of a function. Raises `DeviceError` with its words in one line."""
    from numba import cuda, types

    f: Any = code.given_slope if part == "slope" else code.f
    stepped = (code.f, code.names[0]) if f is None else code.stepped
    if stepped is not None:
        f = _stepped(code.names, cuda.jit(device=True)(stepped[0]), stepped[1])  # for the current GPU, whatever is asked for below
    kind = types.float32 if real == "f32" else types.float64
    try:
        ptx, _ = cuda.compile(
            f, kind(*[kind] * len(code.names)), device=True, abi="c", abi_info={"abi_name": f"{name}_{real}"},
            cc=divmod(int(architecture.rpartition("_")[2]), 10), output="ptx",
        )  # fmt: skip
    except Exception as error:  # of numba-cuda, NVVM or the driver
        raise DeviceError(f"numba-cuda cannot compile {code.called}: {_line(error)}; give cuda, its text in CUDA C") from error
    return str(ptx if isinstance(ptx, str) else ptx.decode())


def _written(text: str, **space: Any) -> Callable[..., Any]:
    """A function by its text."""
    exec(text, space)
    made: Callable[..., Any] = space[text.partition("(")[0].removeprefix("def ")]
    return made


def _stepped(names: Sequence[str], f: Callable[..., Any], by: str = "") -> Callable[..., Any]:
    """The derivative of f by one of these arguments, the first if none is named, by complex step."""
    by = by or names[0]
    given = ", ".join(f"complex({name}, {STEP})" if name == by else name for name in names)
    return _written(f"def slope({', '.join(names)}): return f({given}).imag / {STEP}", f=f)


def _line(error: Exception) -> str:
    """What Numba says, in one line: of a typing error the line with the reason."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Failed in")]
    return lines[0] if lines else type(error).__name__


def _compiled(f: Callable[..., Any], called: str, count: int) -> Callable[..., Any]:
    """`f` compiled by Numba for `count` float64 numbers, without threads and disk cache; `f` itself where there is no Numba.

    Raises TypeError with Numba's reason.
    """
    try:
        import numba
    except ModuleNotFoundError:  # a machine that works on its GPU only
        return f
    jit: Any = numba.njit
    compiled: Any = jit(error_model="numpy")(f)
    try:
        compiled.compile((numba.float64,) * count)
    except Exception as error:  # of many classes
        raise TypeError(f"Numba cannot compile {called}: {_line(error)}") from error
    gives = compiled.nopython_signatures[0].return_type
    if not isinstance(gives, numba.types.Number | numba.types.Boolean) or isinstance(gives, numba.types.Complex):
        raise TypeError(f"{called} must return one real number for real numbers, got {gives}")
    made: Callable[..., Any] = compiled
    return made


# ------------------------------------------------------------------------------------------------------------------ what users make
@accepts_any
class ScalarFunction:
    """Your own law as a scalar Python function, which runs inside kernels: a current of a voltage, a step of a weight, a force.

    Parameters
    ----------
    f : Callable[..., float]
        ``f(v, ..., constant, ...)``: one number of numbers, in the Python that Numba compiles (arithmetic, if, `math` and `np` functions; no
        arrays). Its leading arguments are given by the kernel, those with defaults or in `constants` are constants.
    slope : Callable[..., float] | None
        Its derivative by the first argument, with the same arguments. Without it the derivative is made by complex step, which needs a smooth
        `f` written with `np` functions, products for powers, and no comparisons; only what asks for a derivative (an `IV`, say) makes it.
    constants : Mapping[str, float] | None
        Values of constants by name, for those without a default or instead of it. Other values need no other compilation: `with_constants`.
    slopes, cuda_slopes : Mapping[str, Callable[..., float]] | None
        Derivatives by its other arguments and by its constants, by their names, as `slope` and `cuda_slope`, for what asks for them (a
        `dynamics.Law`, a fit of the constants). By what `cuda` does not name it is 0.
    between : tuple[float, float] | Sequence[tuple[float, float]]
        (lowest, highest) of the first argument, or one pair for each that the kernel gives: where the function is looked at now, and should be
        finite. It is used elsewhere, too.
    cuda, cuda_slope : str | None
        The same as CUDA C, for GPUs: an expression, or statements that return, in the names of the arguments; `real` is their type. Where
        they are missing, numba-cuda compiles the Python functions, if it is installed. Where it first runs, text is compared with `f` and
        `slope`.

    Raises
    ------
    TypeError
        For what is no such function, is refused by Numba, or has a slope of other arguments.
    ValueError
        For values that are not finite, a slope that is not the derivative (by complex step, where that can be done, and central differences),
        and, where it first runs on a GPU, text that does not compile or is another function.
    DeviceError
        On a GPU, without text and numba-cuda.

    Notes
    -----
    A function is compiled into each kernel that uses it, once in a process: on a CPU this takes seconds, and nothing of it is kept on disk.
    So make it once, and change constants by `with_constants`. Compilation reads global variables and closures once, too.

    Examples
    --------
    >>> import numpy as np
    >>> hopping = ScalarFunction(lambda v, v0: v0 * np.sinh(v / v0), constants={"v0": 0.5}, cuda="v0 * sinh(v / v0)")
    >>> float(hopping(1.0)) == 0.5 * np.sinh(2.0)
    True
    """

    def __init__(self, f: Callable[..., Any], slope: Callable[..., Any] | None = None, *, constants: Mapping[str, float] | None = None,
                 between: Between = (-1.0, 1.0), cuda: str | None = None, cuda_slope: str | None = None,
                 slopes: Mapping[str, Callable[..., Any]] | None = None, cuda_slopes: Mapping[str, str] | None = None) -> None:  # fmt: skip
        f, slope = _plain("f", f), None if slope is None else _plain("slope", slope)
        names, values = _arguments(f, constants or {})
        self.constants = values
        for name, text in (("cuda", cuda), ("cuda_slope", cuda_slope)):
            if text is not None and (not isinstance(text, str) or not text.strip()):
                raise TypeError(f"{name} must be CUDA C text, an expression in {', '.join(names)}, got {text!r:.60}")
        if slope is not None and len(inspect.signature(slope).parameters) != len(names):
            raise TypeError(f"slope must take the arguments of f, ({', '.join(names)}), got {inspect.signature(slope)}")
        self.arguments = names[: len(names) - len(values)]
        others = _others(slopes or {}, cuda_slopes or {}, names)
        self._code = Code(f, slope, cuda, cuda_slope, names, len(self.arguments), "", *others)
        self._at = _points(between, self.arguments)
        self._same: set[Any] = set()  # places where the CUDA text was compared
        self._look()
        if slope is not None:
            self._check_slope()

    def with_constants(self, **constants: float) -> "ScalarFunction":
        """The same function with other values of these constants: nothing is compiled for it. Raises as the class."""
        unknown = [name for name in constants if name not in self.constants]
        if unknown:
            known = ", ".join(self.constants) or "none"
            raise ValueError(f"{self._code.called} has no constant {unknown[0]!r}: its constants are {known}")
        other = object.__new__(type(self))
        other.__dict__.update(vars(self), constants=self.constants | _finite(constants))
        other._look()
        return other

    def __call__(self, *values: Values) -> Array:
        """The function of arrays or numbers that fit each other, float32 or float64, on their device."""
        return self._values("f", values)

    def slope(self, *values: Values, by: str | None = None) -> Array:
        """Its derivative, as `__call__`: by the first argument, or by another one or a constant that `by` names.

        Raises
        ------
        TypeError
            Where it is not given and cannot be made by complex step.
        ValueError
            For a name that is none, and a derivative that is another one (by central differences).
        """
        by = self.arguments[0] if by is None else by
        if by not in self._code.names:
            raise ValueError(f"by must name an argument or a constant of {self._code.called}, {', '.join(self._code.names)}, got {by!r:.60}")
        self._check_slope_by(by)
        return self._values("slope" if by == self.arguments[0] else f"by {by}", values)

    def __repr__(self) -> str:
        told = "".join(f", {name}={value:g}" for name, value in self.constants.items())
        return f"ScalarFunction({self._code.called}({', '.join(self.arguments)}{told}))"

    def __deepcopy__(self, memo: Any) -> "ScalarFunction":
        return self  # nothing of it changes

    # ------------------------------------------------------------------------------------------------------------------ for rooms
    def _check_slope(self) -> None:
        """Raise where there is no derivative, or another one was given."""
        if getattr(self._code, "_right", False):
            return
        code = self._code
        given = self._numbers(code.slope, self._at, "slope")
        step = 1e-6 * np.maximum(abs(self._at[0]), np.ptp(self._at[0]))
        ahead, behind = (self._numbers(code.run, np.vstack([self._at[:1] + s * step, self._at[1:]]), code.called) for s in (1, -1))
        rough = (ahead - behind) / (2 * step)
        self._compare(given, rough, 1e-4, "central differences give")
        if code.given_slope is not None:
            with contextlib.suppress(TypeError):
                exact = self._numbers(code.by_complex_step, self._at, "slope")
                if _off(exact, rough, 1e-4) is None:  # a function of |v| takes complex numbers and makes another of them
                    self._compare(given, exact, 1e-8, "complex step gives")
        object.__setattr__(code, "_right", True)

    def _check_slope_by(self, name: str) -> None:
        """As `_check_slope`, of the derivative by any argument or constant, which central differences hold to four digits."""
        if name == self.arguments[0]:
            self._check_slope()
            return
        code = self._code.derivative_by(name)
        if getattr(code, "_right", False):
            return
        which = f"slopes[{name!r}]"
        found = self._numbers(code.run, self._at, which)
        (ahead, behind), span = self._beside(name)
        size = abs(self._numbers(self._code.run, self._at, self._code.called)).max() / span  # beside which rounding is nothing
        rough = (ahead - behind) / (2e-6 * span)
        worst = int(np.argmax(abs(found - rough)))
        if not abs(found - rough)[worst] <= 1e-4 * abs(rough).max() + 1e-8 * size:
            how = "is not the derivative" if name in self._code.given_slopes else "cannot be made by complex step: give it; it is no derivative"
            raise ValueError(
                f"{which} {how} of {self._code.called} by {name}: at {self._told(worst)} it is {found[worst]:.8g}, and central differences "
                f"give {rough[worst]:.8g}"
            )
        object.__setattr__(code, "_right", True)

    def _beside(self, name: str) -> tuple[tuple[np.ndarray, np.ndarray], float]:
        """Values with one argument or constant a millionth of a span up, and down; and the span."""
        run, called = self._code.run, self._code.called
        if name in self.constants:
            value = self.constants[name]
            span = abs(value) or 1.0
            beside = [self.constants | {name: value + sign * 1e-6 * span} for sign in (1, -1)]
            up, down = (self._numbers(run, self._at, called, constants) for constants in beside)
            return (up, down), span
        k = self.arguments.index(name)
        span = float(max(abs(self._at[k]).max(), np.ptp(self._at[k])))
        step = np.zeros_like(self._at)
        step[k] = 1e-6 * span
        return (self._numbers(run, self._at + step, called), self._numbers(run, self._at - step, called)), span

    def _takes(self, names: Sequence[str], where: str) -> None:
        """Raise TypeError unless kernels give the function so many arguments."""
        if len(self.arguments) != len(names):
            raise TypeError(
                f"{where} must be a function of {', '.join(names)} (and constants, with values), got one of {', '.join(self.arguments)}: "
                "name what are constants in constants={...}"
            )

    def _rises(self, where: str, *, from_zero: bool = False) -> None:
        """Raise ValueError where the function falls with its first argument, or is not 0 at 0; and as `_check_slope`."""
        self._check_slope()
        slopes = self._numbers(self._code.slope, self._at, "slope")
        if not (slopes >= 0).all():
            worst = int(np.argmin(slopes))
            raise ValueError(f"{where} must rise everywhere, got the slope {slopes[worst]:.4g} at {self._told(worst)}")
        if from_zero:
            origin = np.vstack([np.zeros((1, 1)), self._at[1:, :1]])
            at_zero = self._numbers(self._code.run, origin, self._code.called)[0]
            if abs(at_zero) > 1e-12 * abs(self._numbers(self._code.run, self._at, self._code.called)).max():
                raise ValueError(f"{where} must be 0 at 0 V, got {at_zero:.4g}")

    def _table(self, dtype: Any, like: Array, *before: int) -> Array:
        """The constants on the device of `like`, behind others."""
        return _constants.constant(np.array([*before, *self.constants.values()], dtype), dtype, like)

    def _ready(self, like: Array, *parts: str) -> None:
        """On a device: compare the CUDA text with the Python function, the first time there, and with the first other constants."""
        compare([(self, part) for part in parts or ("f",)], like)

    def _new(self, like: Array, part: str) -> Any:
        """What is noted where the text of a part has been compared on the device of `like`; None where it need not be."""
        device = id(_array.namespace(like)), like.data.device_id if _array.is_on_gpu(like) else None
        place = part, *device, tuple(self.constants.values())
        others = sum(known[:3] == place[:3] for known in self._same)
        if place in self._same or others > 1 or self._part(part).cuda is None:  # a second time for text that has a constant's value in it
            return None
        return place

    def _compare_text(self, part: str, found: Array) -> None:
        """With what the text of a part gives. Raises ValueError."""
        code, values = self._part(part), _array.to_numpy(found)
        right = self._numbers(code.run, self._at, self._code.called)
        wrong = _off(values, right, 1e-9)
        if wrong is not None:
            raise ValueError(
                f"{_argument(code, 'f')} of {self._code.called} is another function: at {self._told(wrong)} it is {values[wrong]:.8g}, in "
                f"Python {right[wrong]:.8g}"
            )

    def _constants_vjp(self, cotangent: Array, *values: Array) -> Array:
        """(constants,): of a cotangent of its values, summed, in the order of `constants`."""
        return _array.namespace(cotangent).stack([(cotangent * self.slope(*values, by=name)).sum() for name in self.constants])

    # ------------------------------------------------------------------------------------------------------------------ inside
    def _values(self, part: str, values: Sequence[Any]) -> Array:
        names = ", ".join(self.arguments)
        if len(values) != len(self.arguments):
            raise TypeError(f"{self._code.called} takes {len(self.arguments)} arguments ({names}), got {len(values)}")
        arrays = [v for v in values if _array.is_array(v)]
        xp = _array.namespace(*arrays) if arrays else np
        single = bool(arrays) and all(v.dtype == np.float32 for v in arrays)
        given = [v if _array.is_array(v) else np.asarray(v) for v in values]
        for name, v in zip(self.arguments, given, strict=True):
            if v.dtype.kind not in "iuf":
                raise TypeError(f"{name} must be real numbers, got {v.dtype}")
        given = xp.broadcast_arrays(*(xp.asarray(v, np.float32 if single else np.float64) for v in given))
        x = xp.stack([v.ravel() for v in given])
        self._ready(x, part)
        return self._launched(part, x).reshape(given[0].shape)

    def _part(self, part: str) -> Code:
        """The function ("f"), its derivative by the first argument ("slope"), or by any argument or constant, "by NAME"."""
        if part == "f":
            return self._code
        return self._code.derivative if part == "slope" else self._code.derivative_by(part.removeprefix("by "))

    def _launched(self, part: str, x: Array) -> Array:
        """Of arguments (arguments, n)."""
        return _values(own(("own_value", self._part(part), "value")), self._table(x.dtype, x), x)

    def _numbers(self, run: Callable[..., Any], at: np.ndarray, called: str, constants: Mapping[str, float] | None = None) -> np.ndarray:
        """Values at points (arguments, n). Raises ValueError for one that is not finite."""
        out, values = np.empty(at.shape[1]), (self.constants if constants is None else constants).values()
        for i, point in enumerate(at.T.tolist()):
            try:
                out[i] = run(*point, *values)
            except ArithmeticError:  # Python's own, where there is no Numba
                out[i] = np.nan
            if not math.isfinite(out[i]):
                raise ValueError(f"{called} must be finite, got {out[i]} at {self._told(i, at)}: set between to where it is used")
        return out

    def _look(self) -> None:
        self._numbers(self._code.run, self._at, self._code.called)

    def _compare(self, given: np.ndarray, right: np.ndarray, tolerance: float, by: str) -> None:
        wrong = _off(given, right, tolerance)
        if wrong is None:
            return
        if self._code.given_slope is None:
            raise ValueError(
                f"complex step makes no derivative of {self._code.called} (abs and powers lose it: v * v * v, not v**3): at "
                f"{self._told(wrong)} it is {given[wrong]:.8g}, where {by} {right[wrong]:.8g}; give slope"
            )
        raise ValueError(
            f"slope is not the derivative of {self._code.called} by {self.arguments[0]}: at {self._told(wrong)} it is {given[wrong]:.8g}, "
            f"and {by} {right[wrong]:.8g}"
        )

    def _told(self, i: int, at: np.ndarray | None = None) -> str:
        point = (self._at if at is None else at)[:, i]
        return ", ".join(f"{name} = {value:.4g}" for name, value in zip(self.arguments, point, strict=True))


def compare(pairs: Sequence[tuple[ScalarFunction, str]], like: Array) -> None:
    """On a device: compare the CUDA text of functions' parts with the Python functions, where it is new there; in one kernel for all of them.

    Raises ValueError for one that is another function.
    """
    if not _array.on_device(like):
        return
    places = [(function, part, function._new(like, part)) for function, part in pairs]
    new, xp = [given for given in places if given[2] is not None], _array.namespace(like)
    role = one_of([function._part(part) for function, part, _ in new]) if len(new) > 1 else None
    for which, (function, part, place) in enumerate(new):
        at = xp.asarray(function._at)
        found = function._launched(part, at) if role is None else _values(role, function._table(at.dtype, at, which), at)
        function._compare_text(part, found)
        function._same.add(place)


def _values(role: Own, constants: Array, x: Array) -> Array:
    """Of arguments (arguments, n)."""
    out = _array.namespace(x).empty(x.shape[1], x.dtype)
    _launch.launch("scalar", "values", x.dtype, x.shape[1], constants, x, out, threads=x.shape[1], own=role)
    return out


def _off(found: np.ndarray, right: np.ndarray, tolerance: float) -> int | None:
    """Where two functions differ most, if they do; relative to the largest value."""
    off = abs(found - right)
    worst = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
    return None if off[worst] <= tolerance * abs(right).max() else worst


def _plain(name: str, f: Any) -> Callable[..., Any]:
    f = getattr(f, "py_func", f)
    if not inspect.isfunction(f):
        raise TypeError(f"{name} must be a scalar Python function, got {type(f).__name__} {f!r:.60}")
    return f


def _arguments(f: Callable[..., Any], constants: Mapping[str, float]) -> tuple[tuple[str, ...], dict[str, float]]:
    """Names of all arguments, and values of those that are constants."""
    parameters = inspect.signature(f).parameters
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or any(p.kind not in positional for p in parameters.values()):
        raise TypeError(f"f must take numbers, and its constants behind them, such as f(v, v0), got f{inspect.signature(f)}")
    unknown = [name for name in constants if name not in parameters]
    if unknown:
        raise ValueError(f"constants name {unknown[0]!r}, which is no argument of f{inspect.signature(f)}")
    values = {n: constants.get(n, p.default) for n, p in parameters.items() if n in constants or p.default is not p.empty}
    if list(parameters)[len(parameters) - len(values) :] != list(values) or len(values) == len(parameters):
        raise TypeError(f"f must take numbers first and then its constants ({', '.join(values)}), got f{inspect.signature(f)}")
    return tuple(parameters), _finite(values)


def _others(
    slopes: Mapping[str, Any], texts: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[dict[str, Callable[..., Any]], dict[str, str]]:
    """What was given of derivatives by others than the first argument, checked."""
    for title, given in (("slopes", slopes), ("cuda_slopes", texts)):
        for name in given:
            if name not in names[1:]:
                known = ", ".join(names[1:]) or "none"
                raise ValueError(f"{title} names {name!r}: the arguments and constants of f behind its first are {known}")
    made = {}
    for name, slope in slopes.items():
        made[name] = _plain(f"slopes[{name!r}]", slope)
        if len(inspect.signature(made[name]).parameters) != len(names):
            raise TypeError(f"slopes[{name!r}] must take the arguments of f, ({', '.join(names)}), got {inspect.signature(made[name])}")
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise TypeError(f"cuda_slopes[{name!r}] must be CUDA C text, an expression in {', '.join(names)}, got {text!r:.60}")
    return made, dict(texts)


def _finite(constants: Mapping[str, Any]) -> dict[str, float]:
    for name, value in constants.items():
        if not isinstance(value, int | float | np.number) or isinstance(value, bool) or not np.isfinite(value):
            raise ValueError(f"constant {name} must be a finite real number, got {value!r:.60}")
    return {name: float(value) for name, value in constants.items()}


def _points(between: Any, arguments: tuple[str, ...]) -> np.ndarray:
    """(arguments, POINTS): over the ranges by golden ratios, which meet no place that a function is likely to bend at."""
    try:
        ranges = np.asarray(between, np.float64)
        ranges = np.broadcast_to(ranges, (len(arguments), 2)) if ranges.ndim == 1 else ranges
        fits = ranges.shape == (len(arguments), 2) and bool((ranges[:, 0] < ranges[:, 1]).all()) and bool(np.isfinite(ranges).all())
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(f"between must be (lowest, highest), or such a pair for each of {', '.join(arguments)}, got {between!r:.80}")
    root = 1.0
    for _ in range(30):
        root = (1 + root) ** (1 / (len(arguments) + 1))  # of x^(d+1) = x + 1: Roberts' sequence
    where = (0.5 + np.outer(root ** -np.arange(1.0, len(arguments) + 1), np.arange(1, POINTS + 1))) % 1
    low, high = ranges.T[:, :, None]
    points: np.ndarray = low + (high - low) * where
    return points


__all__ = ["Code", "Own", "ScalarFunction", "compare", "own"]
