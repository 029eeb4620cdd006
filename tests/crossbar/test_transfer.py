"""Tiki-Taka and mixed precision: what they move is conserved, and they learn where plain pulses stall."""

import itertools

import numpy as np
import pytest

from pnnkern import crossbar, random
from pnnkern.crossbar import MixedPrecision, TikiTaka, transfer_start, transfer_update, transfer_weights

KEY = random.key(5)
SHAPE = (5, 7)
# steps that are always the same and add without rounding, so that sums of pulses are exact
EXACT = crossbar.ConstantStep(
    step=2.0**-7, step_dtod=0.0, noise=0.0, up_down_dtod=0.0, w_max=64.0, w_min=-64.0, w_max_dtod=0.0, w_min_dtod=0.0
)
SOFT = crossbar.SoftBounds(step=0.02, up_down=0.3, w_max=0.9)
RULES = {
    "v1": TikiTaka("v1", SOFT, EXACT, transfer_every=2),
    "v2": TikiTaka("v2", SOFT, EXACT, transfer_lr=0.3, lines=2, transfer_every=2),
    "chopped": TikiTaka("chopped", SOFT, EXACT, transfer_lr=0.3, lines=2, transfer_every=2, chop=0.3, reference_error=0.1),
    "dynamic": TikiTaka("dynamic", SOFT, EXACT, transfer_lr=0.3, lines=3, chop=0.5, recent=0.75),
    "mixed": MixedPrecision(EXACT, transfer_every=3),
}


def samples(rng, batch):
    return (rng.standard_normal((batch, n)).astype(np.float32) for n in SHAPE)


def begin(rule, backend=None, **more):
    like = None if backend is None else backend.array(np.zeros(1, np.float32))
    return transfer_start(rule, SHAPE, key=KEY, like=like, **more)


def history(rule, x, d, lr, state=None):
    """States after each sample."""
    states = [begin(rule) if state is None else state]
    for s in range(len(x)):
        states.append(transfer_update(rule, states[-1], x[s : s + 1], d[s : s + 1], lr=lr, key=KEY))
    return states


def written(state):
    """What has left the fast array or the gradient: in the weights or on the way."""
    return state["slow"].astype(np.float64) + state["hidden"]


# ------------------------------------------------------------------------------------------------- each rule does what it says
@pytest.mark.parametrize("kind", ["v2", "chopped", "dynamic"])
def test_readings_go_to_the_weights_in_whole_steps(rng, kind):
    """slow + hidden is the sum of transfer_lr s (A - R) over all readings, restated here line by line; hidden keeps less than a step."""
    rule = RULES[kind]
    x, d = samples(rng, 40)
    states = history(rule, x, d, 0.05)
    total, reference = np.zeros(SHAPE), states[0]["reference"].astype(np.float64)
    recent, sign = states[0]["fast"].astype(np.float64), np.ones(SHAPE[0])
    line = flips = 0
    for s, state in enumerate(states[1:], 1):
        # gradients enter the fast array with the signs of their lines
        update = crossbar.pulse_update(
            states[s - 1]["fast"], x[s - 1 : s] * sign.astype(np.float32), d[s - 1 : s], device=SOFT, lr=0.05,
            key=random.fold_in(KEY, "fast"), sample=s - 1,
        )  # fmt: skip
        assert np.array_equal(state["fast"], update)
        if s % rule.transfer_every == 0:
            for _ in range(rule.lines):
                i, turn = line % SHAPE[0], line // SHAPE[0]
                read = state["fast"][i].astype(np.float64)
                total[i] += rule.transfer_lr * sign[i] * (read - reference[i])
                recent[i] += rule.recent * (read - recent[i])
                line += 1
                if kind == "dynamic" and (turn + 1) % 2 == 0:  # chop 0.5: after every second reading of a line
                    sign[i], reference[i] = -sign[i], recent[i]
            if kind == "chopped":
                flips += int((sign != state["chopper"]).sum())
                sign = state["chopper"].astype(np.float64)
        np.testing.assert_allclose(written(state), total, atol=2e-6)
        assert np.abs(state["hidden"]).max() < EXACT.step
        np.testing.assert_array_equal(state["chopper"], sign)
    assert np.abs(total).max() > 9 * EXACT.step
    if kind == "chopped":
        assert 4 <= flips <= 22  # of 40 readings, 0.3 each: within 2.8 sigma


def test_v1_moves_the_weights_by_the_mean_reading(rng):
    """Each line read fires alone, with chances in proportion to A - R."""
    rule = TikiTaka("v1", SOFT, EXACT, transfer_lr=0.05)
    x, d = samples(rng, 400)
    states = history(rule, x, d, 0.05)
    mean, total = np.zeros(SHAPE), np.zeros(SHAPE)
    for s, state in enumerate(states[1:]):
        read = state["fast"][s % SHAPE[0]].astype(np.float64) - state["reference"][s % SHAPE[0]]
        mean[s % SHAPE[0]] += rule.transfer_lr * read
        total[s % SHAPE[0]] += rule.transfer_lr * np.abs(read)
        others = np.arange(SHAPE[0]) != s % SHAPE[0]
        assert np.array_equal(state["slow"][others], states[s]["slow"][others])
    z = (states[-1]["slow"] - mean) / np.sqrt(EXACT.step * total)  # a pulse's variance is at most its chance
    assert np.abs(z).max() < 4.5
    assert np.abs(mean).max() > 9 * EXACT.step


def test_mixed_precision_conserves_the_gradient(backend, rng):
    """slow + hidden is -lr x^T d to the last step; before a transfer nothing is written."""
    rule = RULES["mixed"]
    x, d = samples(rng, 20)
    state = begin(rule, backend)
    for part in (slice(0, 2), slice(2, 11), slice(11, 20)):
        state = transfer_update(rule, state, backend.array(x[part]), backend.array(d[part]), lr=0.01, key=KEY)
        done = {k: backend.numpy(v) for k, v in state.items()}
        np.testing.assert_allclose(written(done), -0.01 * x[: part.stop].T.astype(np.float64) @ d[: part.stop], atol=1e-6)
        assert done["samples"] == part.stop
        assert done["slow"].any() == (part.stop >= 3)
    since = -0.01 * x[18:].T @ d[18:]  # since the last transfer, after 18 samples
    assert np.abs(done["hidden"] - since).max() < EXACT.step


@pytest.mark.parametrize("kind", RULES)
def test_same_on_all_backends_and_in_parts(backend, rng, kind):
    rule, batch = RULES[kind], 24
    x, d = samples(rng, batch)

    def run(backend, *cuts):
        state = begin(rule, backend, weights=None)
        for a, b in zip((0, *cuts), (*cuts, batch), strict=True):
            parts = (x[a:b], d[a:b]) if backend is None else (backend.array(x[a:b]), backend.array(d[a:b]))
            state = transfer_update(rule, state, *parts, lr=0.05, key=KEY)
        return {k: v if backend is None else backend.numpy(v) for k, v in state.items()}

    cpu, whole, parts = run(None), run(backend), run(backend, 3, 12)
    for name, values in cpu.items():
        if kind == "mixed":  # sums of products, in another order
            np.testing.assert_allclose(whole[name], values, atol=1e-6)
        else:
            assert np.array_equal(whole[name], values), name
        assert np.array_equal(parts[name], whole[name]), name


def test_states_are_flat_and_left_as_they_are(rng):
    x, d = samples(rng, 9)
    for rule in RULES.values():
        state = begin(rule)
        kept = {k: v.copy() for k, v in state.items()}
        after = transfer_update(rule, state, x, d, lr=0.05, key=KEY)
        assert set(after) == set(state)
        for k, v in kept.items():
            assert isinstance(after[k], np.ndarray)
            assert np.array_equal(state[k], v)


def test_visible_weights_and_start(rng):
    w = rng.uniform(-0.5, 0.5, SHAPE).astype(np.float32)
    rule = TikiTaka("dynamic", SOFT, EXACT, gamma=0.5, chop=0.5, lines=None)
    state = begin(rule, weights=w)
    assert np.array_equal(transfer_weights(rule, state), w)  # the fast array starts where it counts as zero
    x, d = samples(rng, 3)
    state = transfer_update(rule, state, x, d, lr=0.05, key=KEY)
    expected = state["slow"] - 0.5 * (state["fast"] - state["reference"])  # the signs have flipped once
    np.testing.assert_allclose(transfer_weights(rule, state), expected, atol=1e-7)
    assert np.abs(expected - state["slow"]).max() > 0.01
    clipped = transfer_start(MixedPrecision(SOFT), SHAPE, key=KEY, weights=np.full(SHAPE, 5.0, np.float32))["slow"]
    assert np.array_equal(clipped, crossbar.device_cells(SOFT, SHAPE, key=random.fold_in(KEY, "slow"))["high"])


def test_noise_of_readings(rng):
    rule = TikiTaka("v2", SOFT, EXACT, transfer_lr=1.0, lines=None, read_noise=0.25)
    nothing = np.zeros((30, SHAPE[0]), np.float32), np.zeros((30, SHAPE[1]), np.float32)
    states = history(rule, *nothing, 0.0)
    reads = np.array([written(b) - written(a) for a, b in itertools.pairwise(states)])
    assert abs(reads.mean()) < 4 * 0.25 / np.sqrt(reads.size)
    assert abs(reads.std() / 0.25 - 1) < 4 / np.sqrt(2 * reads.size)


# -------------------------------------------------------------------------------------------------------------------- learning
def test_without_a_gradient_the_fast_array_rests_at_its_symmetry_points(rng):
    """So with zero shifted there (zero-shifting), noise alone transfers nothing; with zero left at zero, it does."""
    rule = TikiTaka("v2", SOFT, EXACT, transfer_every=5, lines=5)
    state = begin(rule)
    shifted, unshifted = dict(state), {**state, "reference": np.zeros(SHAPE, np.float32)}
    x, d = samples(rng, 3000)
    shifted, unshifted = (transfer_update(rule, s, x, d, lr=0.01, key=KEY) for s in (shifted, unshifted))
    leak = rule.transfer_lr * 600 * state["reference"].astype(np.float64)  # 600 readings of a resting array
    share = [float((written(s) * leak).sum() / (leak**2).sum()) for s in (shifted, unshifted)]
    assert abs(share[0]) < 0.1
    assert 0.75 < share[1] < 1.25


TEACHER_SHAPE, BATCH, STEPS = (12, 8), 4, 1000
ASYMMETRIC = crossbar.SoftBounds(step=0.005, up_down=0.4, up_down_dtod=0.1, w_max=1.0, w_min=-1.0, w_max_dtod=0.2, w_min_dtod=0.2)


def learn(start, update, weights):
    """Error of a linear regression, rms of w - teacher over the last tenth of the training, which has noise in its targets."""
    rng = np.random.default_rng(0)
    teacher = rng.uniform(-0.5, 0.5, TEACHER_SHAPE).astype(np.float32)
    x = rng.standard_normal((STEPS, BATCH, TEACHER_SHAPE[0])).astype(np.float32)
    noise = 0.3 * rng.standard_normal((STEPS, BATCH, TEACHER_SHAPE[1])).astype(np.float32)
    state, errors = start, []
    for s in range(STEPS):
        state = update(state, x[s], x[s] @ (weights(state) - teacher) - noise[s], s * BATCH)
        errors.append(np.mean((weights(state) - teacher) ** 2))
    return float(np.sqrt(np.mean(errors[-STEPS // 10 :])))


def learn_with(rule, lr):
    key = random.key(3)
    return learn(
        transfer_start(rule, TEACHER_SHAPE, key=key), lambda state, x, d, _: transfer_update(rule, state, x, d, lr=lr, key=key),
        lambda state: transfer_weights(rule, state),
    )  # fmt: skip


@pytest.fixture(scope="module")
def stalled():
    """Error of plain pulsed updates at the best of three rates: a step up is 1.4 / 0.6 times one down."""

    def update(w, x, d, s, lr):
        return crossbar.pulse_update(w, x, d, device=ASYMMETRIC, lr=lr, key=random.key(3), sample=s)

    w = crossbar.clip_weights(np.zeros(TEACHER_SHAPE, np.float32), device=ASYMMETRIC, key=random.key(3))
    best = min(learn(w, lambda *a, lr=lr: update(*a, lr), lambda w: w) for lr in (0.003, 0.01, 0.03))
    assert best > 0.12  # of weights of rms 0.3: it does stall
    return best


@pytest.mark.parametrize(
    ("rule", "lr"),
    [
        (TikiTaka("v1", ASYMMETRIC, ASYMMETRIC, transfer_lr=0.03, transfer_every=4, lines=4), 0.05),
        (TikiTaka("v2", ASYMMETRIC, ASYMMETRIC, transfer_lr=0.03, transfer_every=4, lines=4), 0.05),
        (TikiTaka("chopped", ASYMMETRIC, ASYMMETRIC, transfer_lr=0.03, transfer_every=4, lines=4), 0.1),
        (TikiTaka("dynamic", ASYMMETRIC, ASYMMETRIC, transfer_lr=0.03, transfer_every=4, lines=4), 0.05),
        (MixedPrecision(ASYMMETRIC, transfer_every=4), 0.003),
    ],
    ids=["v1", "v2", "chopped", "dynamic", "mixed"],
)
def test_they_learn_where_plain_pulses_stall(stalled, rule, lr):
    assert learn_with(rule, lr) < 0.35 * stalled


def test_a_wrong_reference_stops_v2_but_not_the_chopper():
    v2, chopped = (
        learn_with(TikiTaka(v, ASYMMETRIC, ASYMMETRIC, transfer_lr=0.03, transfer_every=4, lines=4, reference_error=0.2), 0.1)
        for v in ("v2", "chopped")
    )
    assert v2 > 0.1
    assert chopped < 0.7 * v2


# -------------------------------------------------------------------------------------------------------------------- messages
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TikiTaka("v3"), "variant of TikiTaka is one of v1, v2, chopped, dynamic, got 'v3'"),
        (lambda: TikiTaka(transfer_every=0), "transfer_every must be an integer of 1 or more, got 0"),
        (lambda: TikiTaka(lines=1.5), "lines must be an integer of 1 or more, got 1.5"),
        (lambda: TikiTaka(pulses=32), "pulses must be an integer from 1 to 31, got 32"),
        (lambda: TikiTaka(transfer_lr=-1.0), "transfer_lr of TikiTaka must be finite and 0 or more, got -1.0"),
        (lambda: TikiTaka(read_noise=np.nan), "read_noise of TikiTaka must be finite"),
        (lambda: TikiTaka(chop=0.6), "chop of TikiTaka must be above 0 and at most 0.5, got 0.6"),
        (lambda: TikiTaka(recent=0.0), "recent of TikiTaka must be above 0 and at most 1, got 0.0"),
        (lambda: MixedPrecision(step=0.0), "step of MixedPrecision must be finite and positive"),
        (lambda: begin(TikiTaka(slow="recram")), "no pulsed device is called 'recram': the nearest is 'ecram'"),
        (lambda: begin(TikiTaka(), weights=np.zeros((2, 2), np.float32)), r"weights must have the shape \(5, 7\)"),
    ],
)
def test_messages_of_rules(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_messages_of_updates(rng):
    x, d = samples(rng, 3)
    mixed, taka = RULES["mixed"], RULES["v2"]
    for rule, state, values, options, message in (
        (taka, begin(mixed), (x, d), {}, "state is not one of TikiTaka: it has slow, hidden, samples; transfer_start makes one"),
        (mixed, begin(taka), (x, d), {}, "state is not one of MixedPrecision"),
        (mixed, begin(mixed), (x, x), {}, r"do not fit: shapes \(5, 7\), \(3, 5\) and \(3, 5\)"),
        (taka, begin(taka), (x[:, :4], d), {}, r"do not fit: shapes \(5, 7\), \(3, 4\) and \(3, 7\)"),
        (mixed, begin(mixed), (x, d * np.nan), {}, "x, d and lr must be finite"),
        (taka, begin(taka), (x, d * np.nan), {}, "x and d must be finite"),
        (taka, begin(taka), (x, d), {"lr": -1.0}, "lr must be finite and 0 or more"),
    ):
        with pytest.raises(ValueError, match=message):
            transfer_update(rule, state, *values, **{"lr": 0.1, "key": KEY, **options})


# ------------------------------------------------------------------------------------------------------------- all of it random
def held(rule: TikiTaka, shape: tuple[int, int], above: float, transfers: int):
    """States of a fast array that is held `above` its reference, without gradients, after each transfer."""
    state = transfer_start(rule, shape, key=KEY)
    state["fast"] = (state["reference"] + np.float32(above)).clip(-0.5, 0.5)
    x, d = np.zeros((1, shape[0]), np.float32), np.zeros((1, shape[1]), np.float32)
    for _ in range(transfers):
        state = transfer_update(rule, state, x, d, lr=0.1, key=KEY)
        yield state


def test_v1_draws_pulses_anew_at_every_transfer():
    """One reading is a chance of a pulse; were the draws repeated, a cell would move every time or never."""
    rule = TikiTaka("v1", SOFT, EXACT, transfer_lr=0.05, lines=None)
    start, (*_, last) = transfer_start(rule, (5, 40), key=KEY), held(rule, (5, 40), 0.02, 100)
    read = last["fast"].astype(np.float64) - last["reference"]
    chance = rule.transfer_lr * read / EXACT.step
    steps = (last["slow"] - start["slow"]) / EXACT.step
    assert 0.1 < chance.mean() < 0.9
    assert np.abs(steps - 100 * chance).max() < 4.5 * 5  # a standard deviation is at most 5


def test_lines_that_wrap_around_are_read_with_noise_of_their_own():
    """Three of five lines at a time: the second transfer reads 3, 4 and 0."""
    rule = TikiTaka("v2", SOFT, EXACT, transfer_lr=1e-4, lines=3, read_noise=0.05)
    first, second = held(rule, (5, 2000), 0.0, 2)
    noise = (second["hidden"] - first["hidden"]) / (1e-4 * 0.05)
    rows = noise[[3, 4, 0]]
    np.testing.assert_allclose(rows.std(1), 1, atol=4.5 / np.sqrt(2 * 2000))
    assert np.abs(np.corrcoef(rows) - np.eye(3)).max() < 4.5 / np.sqrt(2000)


@pytest.mark.parametrize("lines", [1, 2, None])
def test_lines_are_written_by_the_devices_of_their_cells(lines):
    """Steps differ from cell to cell: a transfer does to its lines what as many pulses on the whole array do there."""
    slow = crossbar.ConstantStep(step=0.01, step_dtod=0.5, noise=0.2)
    rule = TikiTaka("v2", SOFT, slow, lines=lines)
    state = transfer_start(rule, SHAPE, key=KEY)
    state["hidden"] = np.full(SHAPE, 0.035, np.float32)  # three steps and a half; the fast array shows nothing
    x, d = np.zeros((1, SHAPE[0]), np.float32), np.zeros((1, SHAPE[1]), np.float32)
    for number in range(SHAPE[0] // (lines or SHAPE[0])):
        counts = np.zeros(SHAPE, np.int32)
        counts[number * (lines or 0) :][: lines or SHAPE[0]] = 3
        expected = crossbar.apply_pulses(state["slow"], counts, device=slow, key=random.fold_in(KEY, "slow"), sample=number)
        state = transfer_update(rule, state, x, d, lr=0.1, key=KEY)
        np.testing.assert_array_equal(state["slow"], expected)
