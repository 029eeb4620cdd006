"""Training on devices whose steps up and down differ: gradients are gathered in one place and transferred to the weights from there.

Plain pulsed updates pull every weight towards its device's symmetry point, where a step up is as long as one down, because noise moves
it up and down all the time. Here the noise moves another array (`TikiTaka`), or a number in memory (`MixedPrecision`), and only what
has gathered there moves the weights. Each rule is a frozen description; what it remembers is a flat dict of arrays, so that a
checkpoint of the dict is a checkpoint of the training::

    rule = TikiTaka("chopped", fast="reram-sb", slow="reram-sb")
    state = transfer_start(rule, (n_in, n_out), key=key)
    state = transfer_update(rule, state, x, d, lr=0.1, key=key)      # batch after batch
    y = x @ transfer_weights(rule, state)

Weights (n_in, n_out) are in the units of the network and within the bounds of their devices. The state counts the samples, which number
all that is random; so a batch in parts is the same as the whole.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Real
from .._gate import accepts_any
from . import _checks
from .pulsed import MAX_PULSES, apply_pulses, check_sides, clip_weights, pulse_update, symmetry_point
from .pulsed_devices import PulsedDevice, pulsed_device

VARIANTS = ("v1", "v2", "chopped", "dynamic")

State = dict[str, Array]


@dataclass(frozen=True)
class TikiTaka:
    """Two arrays: a fast one A takes the gradients by pulses, and is read line by line into a slow one C, which holds the weights.

    After every `transfer_every` samples, the next `lines` inputs of A are read, one after another: v = A_i - R_i.

    Parameters
    ----------
    variant : str
        What becomes of v.

        - "v1": C_i moves by transfer_lr v, by pulses with chances in proportion to |v|.
        - "v2": v is gathered in memory, H_i += transfer_lr v; C moves by the whole steps in H, which then leave H.
        - "chopped": v2 with a sign s_i for each input, by which it enters A and v enters H. It flips with probability `chop` after a reading,
          so that what A shows without any gradient cancels: R need not be exact.
        - "dynamic": no R is known. The signs flip regularly, every 1 / chop readings, and R_i becomes the recent mean of what was read before
          the flip: ``mean += recent (v - mean)``.
    fast, slow : str | PulsedDevice
        Devices of A and C, names or descriptions.
    transfer_every, lines
        In samples and inputs. lines None: all are read each time. The samples between two transfers are one call of `pulse_update`: n times as
        many of both reads as often, and costs a fraction of the time on a computer.
    transfer_lr : float
        How much of what is read is transferred.
    gamma : float
        Share of A in the weights, C_i + gamma s_i (A_i - R_i). 0.
    chop, recent : float
        See above. 0.1 and 0.5.
    read_noise : float
        Standard deviation of a reading of A, in weights, up to the range of the fast device. 0.
    reference_error : float
        Standard deviation of R around the symmetry points of A's cells, in weights. 0: found exactly. R is then how zero is shifted: A - R = 0
        is where A rests under noise alone. Not used by "dynamic".
    pulses : int
        The longest train, or the most steps that C moves by at a time.

    Raises
    ------
    ValueError
        For a variant that does not exist and numbers out of range.

    Notes
    -----
    Sources: v1: Gokmen and Haensch, Frontiers in Neuroscience 14, 103 (2020); zero-shifting: Kim et al., arXiv:1907.10228 (2019). v2: Gokmen,
    Frontiers in Artificial Intelligence 4, 699148 (2021). Chopped (c-TTv2) and dynamic (AGAD): Rasch, Carta, Fagbohungbe and Gokmen, Nature
    Communications 15, 7133 (2024).
    """

    variant: str = "v2"
    fast: str | PulsedDevice = "reram-sb"
    slow: str | PulsedDevice = "reram-sb"
    transfer_every: int = 1
    lines: int | None = 1
    transfer_lr: float = 0.1
    gamma: float = 0.0
    chop: float = 0.1
    recent: float = 0.5
    read_noise: float = 0.0
    reference_error: float = 0.0
    pulses: int = MAX_PULSES

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant of TikiTaka is one of {', '.join(VARIANTS)}, got {self.variant!r:.80}")
        _checks.whole("transfer_every", self.transfer_every)
        _checks.whole("pulses", self.pulses, 1, MAX_PULSES)
        if self.lines is not None:
            _checks.whole("lines", self.lines)
        for name in ("transfer_lr", "gamma", "read_noise", "reference_error"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} of TikiTaka must be finite and 0 or more, got {getattr(self, name)!r:.80}")
        fast = pulsed_device(self.fast)
        for name in ("read_noise", "reference_error"):
            if getattr(self, name) > fast.w_max - fast.w_min:
                raise ValueError(
                    f"{name} of TikiTaka must be at most the range of its fast device, {fast.w_max - fast.w_min:g} (weights), "
                    f"got {getattr(self, name)!r:.80}"
                )
        for name, most in (("chop", 0.5), ("recent", 1.0)):
            if not 0 < getattr(self, name) <= most:
                raise ValueError(f"{name} of TikiTaka must be above 0 and at most {most:g}, got {getattr(self, name)!r:.80}")


@dataclass(frozen=True)
class MixedPrecision:
    """One array, and the gradient in memory: chi -= lr x^T d for each sample, in float32; the whole steps in chi go to the weights.

    Parameters
    ----------
    device : str | PulsedDevice
        Of the weights.
    transfer_every : int
        Samples after which chi is looked through.
    step : float | None
        Of chi, the change of a weight that makes one pulse; the device's mean step by default.
    pulses : int
        The most that a weight gets at a time.

    Raises
    ------
    ValueError
        For numbers out of range.

    Notes
    -----
    Source: Nandakumar et al., Frontiers in Neuroscience 14, 406 (2020).
    """

    device: str | PulsedDevice = "reram-sb"
    transfer_every: int = 1
    step: float | None = None
    pulses: int = MAX_PULSES

    def __post_init__(self) -> None:
        _checks.whole("transfer_every", self.transfer_every)
        _checks.whole("pulses", self.pulses, 1, 2**30)
        if self.step is not None and not (np.isfinite(self.step) and self.step > 0):
            raise ValueError(f"step of MixedPrecision must be finite and positive, got {self.step!r:.80}")


Rule = TikiTaka | MixedPrecision


@accepts_any
def transfer_start(rule: Rule, shape: tuple[int, int], *, key: Key, weights: Real | None = None, like: Numbers | None = None) -> State:
    """The state before the first sample.

    Parameters
    ----------
    shape : tuple[int, int]
        (n_in, n_out).
    key
        Of `pnnkern.random`; the same for all calls.
    weights : Real | None
        To start from, float32 of `shape`; what the devices cannot hold is clipped. 0 by default.
    like : Array | None
        An array on the device that is to hold the state.

    Returns
    -------
    State
        A dict of arrays: "slow", the array of the weights; "hidden", what is gathered in memory; "samples", int64 (1,) on the host, seen so
        far. TikiTaka also "fast", starting at its reference; "reference"; "recent", the mean of what was read; "chopper", the sign of each
        input. float32 but for "samples".
    """
    _check_rule(rule)
    xp, shape = _array.namespace(like, weights), check_sides(shape)
    slow = xp.zeros(shape, np.float32) if weights is None else weights
    _checks.shaped("weights", slow, shape, "the array")
    slow = clip_weights(slow, device=_slow(rule), key=random.fold_in(key, "slow"))
    state = {"slow": slow, "hidden": xp.zeros_like(slow), "samples": np.zeros(1, np.int64)}
    if isinstance(rule, MixedPrecision):
        return state
    fast_key = random.fold_in(key, "fast")
    reference = xp.zeros_like(slow)
    if rule.variant != "dynamic":
        reference = symmetry_point(rule.fast, slow.shape, key=fast_key, like=slow)
        error = random.normal(random.fold_in(key, "reference"), (1, slow.size), like=slow).reshape(slow.shape)
        reference = reference + np.float32(rule.reference_error) * error
    fast = clip_weights(reference, device=rule.fast, key=fast_key)
    return {**state, "fast": fast, "reference": reference, "recent": fast.copy(), "chopper": xp.ones(slow.shape[0], np.float32)}


@accepts_any
def transfer_update(rule: Rule, state: State, x: Real, d: Real, *, lr: float, key: Key) -> State:
    """Take a batch of samples, one after another.

    Parameters
    ----------
    state : State
        Of `transfer_start` or an earlier update; it is left as it is.
    x : Real
        (batch, n_in), d : (batch, n_out), lr : as for `pulse_update`; any pair of factors of a local rule will do. For MixedPrecision x and d
        are multiplied in float32, and a batch in parts is the same as the whole to the bit only if the parts are multiples of `transfer_every`.

    Returns
    -------
    State
        The new state.

    Notes
    -----
    Raises as `pulse_update`, and ValueError for a state of another rule.
    """
    _check_state(rule, state)
    shape, lr = state["slow"].shape, _checks.number("lr", lr)
    if x.ndim != 2 or d.ndim != 2 or len(x) != len(d) or shape != (x.shape[1], d.shape[1]):
        raise ValueError(
            f"the array (n_in, n_out), x (batch, n_in) and d (batch, n_out) do not fit: shapes {shape}, {x.shape} and {d.shape}"
        )
    new = {name: values.copy() for name, values in state.items()}
    seen = int(_array.to_numpy(state["samples"])[0])
    for part, transfer in _segments(seen, len(x), rule.transfer_every):
        if isinstance(rule, MixedPrecision):
            new["hidden"] += _product(x[part], d[part], lr)
        else:
            new["fast"] = pulse_update(
                new["fast"], x[part] * new["chopper"], d[part], device=rule.fast, lr=lr, key=random.fold_in(key, "fast"),
                sample=seen + part.start, pulses=rule.pulses,
            )  # fmt: skip
        if transfer is not None:
            _transfer(rule, new, transfer, key)
    new["samples"] = np.array([seen + len(x)], np.int64)
    return new


@accepts_any
def transfer_weights(rule: Rule, state: State) -> Array:
    """The weights that a forward or backward pass meets, float32 (n_in, n_out)."""
    _check_state(rule, state)
    if isinstance(rule, MixedPrecision) or rule.gamma == 0:
        return state["slow"]
    return state["slow"] + np.float32(rule.gamma) * state["chopper"][:, None] * (state["fast"] - state["reference"])


# ---------------------------------------------------------------------------------------------------------------------- inside
def _check_rule(rule: Any) -> None:
    if not isinstance(rule, TikiTaka | MixedPrecision):
        raise TypeError(f"rule must be a TikiTaka or a MixedPrecision, got {type(rule).__name__}")


def _check_state(rule: Rule, state: State) -> None:
    """Refuse a state that is not one of this rule, by names, shapes and dtypes, and a number of samples that none is."""
    _check_rule(rule)
    names = ("slow", "hidden", "samples", *(("fast", "reference", "recent", "chopper") if isinstance(rule, TikiTaka) else ()))
    if any(name not in state for name in names) or ("fast" in state) != isinstance(rule, TikiTaka):
        has = ", ".join(map(str, state)) or "nothing"
        raise ValueError(f"state is not one of {type(rule).__name__}: it has {has}; transfer_start makes one")
    shape, seen = state["slow"].shape, state["samples"]
    for name in names:
        value, fit = state[name], {"samples": (1,), "chopper": shape[:1]}.get(name, shape)
        dtype = np.int64 if name == "samples" else np.float32
        if value.shape != fit or value.dtype != dtype or len(shape) != 2:
            raise ValueError(
                f"{name} of a state must be {np.dtype(dtype)} {fit} for weights (n_in, n_out) of shape {shape}, got {value.dtype} {value.shape}"
            )
    if _array.namespace(seen) is np and seen[0] < 0:
        raise ValueError(f"samples of a state must be 0 or more, got {seen[0]}")


def _slow(rule: Rule) -> PulsedDevice:
    return pulsed_device(rule.device if isinstance(rule, MixedPrecision) else rule.slow)


def _segments(seen: int, batch: int, every: int) -> Iterator[tuple[slice, int | None]]:
    """The parts of a batch between transfers, each with the number of the transfer that follows it, if any."""
    a = 0
    while a < batch:
        b = min(batch, a + every - (seen + a) % every)
        yield slice(a, b), None if (seen + b) % every else (seen + b) // every - 1
        a = b


def _product(x: Real, d: Array, lr: float) -> Array:
    change = np.float32(-lr) * (_array.as_type(x, np.float32, copy=False).T @ _array.as_type(d, np.float32, copy=False))
    if not bool(_array.namespace(change).isfinite(change).all()):
        raise ValueError("x, d and lr must be finite")
    return change


def _transfer(rule: Rule, state: State, number: int, key: Any) -> None:
    """Carry out transfer `number`, in place."""
    slow_key = random.fold_in(key, "slow")
    if isinstance(rule, MixedPrecision):
        _write(rule, state, slice(0, len(state["slow"])), slow_key, number)
        return
    rows, columns = state["fast"].shape
    if not rows:
        return
    lines = rows if rule.lines is None else min(rule.lines, rows)
    first = number * lines  # of all lines that were ever read
    ends = sorted({first, min(first + lines, -(-first // rows) * rows), first + lines})
    for a, b in itertools.pairwise(ends):
        part = slice(a % rows, a % rows + b - a)
        slow, hidden, reference, recent, chopper = (
            state[name][part] for name in ("slow", "hidden", "reference", "recent", "chopper")
        )
        read = state["fast"][part]
        if rule.read_noise:
            z = random.normal(
                random.fold_in(key, "read"), (1, read.size), sample=number, element0=part.start * columns, like=read
            )
            read = read + np.float32(rule.read_noise) * z.reshape(read.shape)
        if rule.variant == "v1":  # each line fires alone, and its train is a sample of its own
            slow[...] = pulse_update(
                slow, _array.namespace(read).eye(b - a, dtype=np.float32), reference - read, device=rule.slow, lr=rule.transfer_lr,
                key=slow_key, sample=a, pulses=rule.pulses, origin=(part.start, 0),
            )  # fmt: skip
            continue
        hidden += np.float32(rule.transfer_lr) * chopper[:, None] * (read - reference)
        _write(rule, state, part, slow_key, number)
        if rule.variant == "v2":
            continue
        flips = _flips(rule, a // rows, part, key, like=read)
        if rule.variant == "dynamic":
            recent += np.float32(rule.recent) * (read - recent)
            reference += flips[:, None] * (recent - reference)
        chopper *= 1 - 2 * flips


def _write(rule: Rule, state: State, part: slice, key: Any, number: int) -> None:
    """Pulses for the whole steps in some lines of the hidden array, in which the rest stays."""
    device, slow, hidden = _slow(rule), state["slow"][part], state["hidden"][part]
    step = np.float32((rule.step if isinstance(rule, MixedPrecision) else None) or device.step)
    counts = _array.namespace(slow).trunc(hidden / step).clip(-rule.pulses, rule.pulses)
    slow[...] = apply_pulses(slow, counts.astype(np.int32), device=device, key=key, sample=number, origin=(part.start, 0))
    hidden -= counts * step


def _flips(rule: TikiTaka, turn: int, part: slice, key: Any, like: Array) -> Array:
    """1 for the lines whose sign flips now; `turn` is how often all lines have been read before."""
    xp, lines = _array.namespace(like), part.stop - part.start
    if rule.variant == "dynamic":
        return xp.full(lines, (turn + 1) % round(1 / rule.chop) == 0, np.float32)
    draws = random.uniform(random.fold_in(key, "chopper"), (1, lines), sample=turn, element0=part.start, like=like)[0]
    return (draws < np.float32(rule.chop)).astype(np.float32)


__all__ = ["VARIANTS", "MixedPrecision", "TikiTaka", "transfer_start", "transfer_update", "transfer_weights"]
