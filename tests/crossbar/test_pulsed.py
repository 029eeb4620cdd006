"""Pulsed updates: against sequential pulses in float64 from the published formulas, and against the laws they obey."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from pnnkern import _launch, crossbar, random

KEY = random.key(7)
QUIET = {"step_dtod": 0.0, "noise": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}

DEVICES = {
    "constant": crossbar.ConstantStep(up_down=0.1, up_down_dtod=0.05),
    "linear": crossbar.LinearStep(gamma_up=0.6, gamma_down=0.4, step=0.01),
    "soft bounds": crossbar.SoftBounds(step=0.02, w_max=0.7),
    "exponential": crossbar.ExponentialStep(step=0.01, gamma_dtod=0.5),
    "power": crossbar.PowerStep(step=0.01, gamma_up=1.5, gamma_down=0.7),
    "piecewise": crossbar.PiecewiseStep(up=(1.5, 1.0, 0.25), down=(0.5, 1.25, 1.5), step=0.01),
}


# ---------------------------------------------------------------------------------- the truth: float64, one pulse after another
def cells_by_formula(device, shape, key=KEY, origin=(0, 0)):
    """Each cell's step up, step down, bounds and two shapes, from the normals of its own place."""
    key = random.fold_in(key, "devices")
    gamma = (getattr(device, "gamma_up", 0.0), getattr(device, "gamma_down", 0.0))
    gamma_dtod = getattr(device, "gamma_dtod", 0.0)
    out = np.zeros((6, *shape))
    for i, j in np.ndindex(shape):
        number = (i + origin[0]) << 31 | (j + origin[1])
        z = random.normal(key, (1, 8), element0=8 * number)[0].astype(np.float64)
        step = abs(device.step * (1 + device.step_dtod * z[0]))
        a = device.up_down + device.up_down_dtod * z[1]
        out[:, i, j] = (
            step * max(1 + a, 0), step * max(1 - a, 0), abs(device.w_max * (1 + device.w_max_dtod * z[2])),
            -abs(device.w_min * (1 + device.w_min_dtod * z[3])), abs(gamma[0] + gamma_dtod * z[4]), abs(gamma[1] + gamma_dtod * z[5]),
        )  # fmt: skip
    return out


def response_by_formula(device, rising, w, high, low, gamma):
    """Size of a step relative to the cell's own, by kind."""
    if isinstance(device, crossbar.ConstantStep):
        return 1.0
    if isinstance(device, crossbar.LinearStep):
        return max(1 - gamma * w / (high if rising else low), 0)
    if isinstance(device, crossbar.ExponentialStep):
        z = 2 * device.a * w / (high - low) + device.b
        return max(1 - device.A_up * np.exp(gamma * z) if rising else 1 - device.A_down * np.exp(-gamma * z), 0)
    if isinstance(device, crossbar.PowerStep):
        return max((high - w if rising else w - low) / (high - low), 0) ** gamma
    places = np.linspace(low, high, len(device.up))
    return np.interp(w, places, device.up if rising else device.down)


def pulsed_by_formula(device, cell, count, factor, w):
    up, down, high, low, gamma_up, gamma_down = cell
    for _ in range(abs(count)):
        rising = count > 0
        size = response_by_formula(device, rising, w, high, low, gamma_up if rising else gamma_down)
        w = min(max(w + (up if rising else -down) * factor * size, low), high)
    return w


def train_by_formula(values, purpose, sample, slots, scale, key=KEY):
    """(lines, slots) booleans: whether each pulse fires, from 32-bit uniforms compared with the chance."""
    words = random.words(random.fold_in(key, purpose), (1, 128 * -(-len(values) // 4)), sample=sample)[0]
    words = words.reshape(-1, 32, 4).transpose(0, 2, 1).reshape(-1, 32)[: len(values)]  # line, number of the word
    chance = np.floor(np.minimum(scale * np.abs(values.astype(np.float64)), 1) * 2.0**32)
    if slots < 8:
        return words[:, :slots] < chance[:, None]
    bits = words[:, :, None] >> np.arange(slots, dtype=np.uint32) & 1  # word k holds bit 31 - k of every pulse's uniform
    uniforms = (bits.astype(np.uint64) << np.arange(31, -1, -1, dtype=np.uint64)[:, None]).sum(1)
    return uniforms < chance[:, None]


def update_by_formula(device, w, x, d, lr, sample, pulses=31, managed=True, key=KEY):
    cells, w = cells_by_formula(device, w.shape, key), w.astype(np.float64)
    cycles = random.fold_in(key, "cycles")
    used = []
    for s in range(len(x)):
        x_max, d_max = (float(np.abs(v[s]).max()) for v in (x, d))
        slots, scales = pulses, (np.sqrt(lr / (device.step * pulses)),) * 2
        if managed:
            k = lr * x_max * d_max / device.step
            slots = int(min(np.ceil(k), pulses))
            scales = tuple(np.sqrt(min(k, pulses) / slots) / most for most in (x_max, d_max))
        used.append(slots)
        fired_x = train_by_formula(x[s], "pulses of x", sample + s, slots, scales[0], key)
        fired_d = train_by_formula(d[s], "pulses of d", sample + s, slots, scales[1], key)
        for i, j in np.ndindex(w.shape):
            n = int((fired_x[i] & fired_d[j]).sum())
            if n:
                z = random.normal(cycles, (1, 1), sample=sample + s, element0=4 * (i << 31 | j))[0, 0]
                sign = -1 if (x[s, i] < 0) == (d[s, j] < 0) else 1
                w[i, j] = pulsed_by_formula(device, cells[:, i, j], sign * n, 1 + device.noise * z / np.sqrt(n), w[i, j])
    return w, used


def case(rng, shape=(5, 7), batch=6):
    x, d = rng.uniform(-1, 1, (batch, shape[0])), rng.standard_normal((batch, shape[1]))
    d *= 3.0 ** np.arange(-2, batch - 2)[:, None]  # trains of very different lengths
    return x.astype(np.float32), d.astype(np.float32)


def start(device, shape, rng, key=KEY):
    return crossbar.clip_weights(rng.uniform(-0.3, 0.3, shape).astype(np.float32), device=device, key=key)


@pytest.mark.parametrize("kind", DEVICES)
def test_update_is_one_pulse_after_another(backend, rng, kind):
    device = DEVICES[kind]
    x, d = case(rng)
    w = start(device, (5, 7), rng)
    got = crossbar.pulse_update(backend.array(w), backend.array(x), backend.array(d), device=device, lr=0.02, key=KEY, sample=11)
    expected, used = update_by_formula(device, w, x, d, 0.02, 11)
    assert min(used) < 8 <= max(used)  # both ways of drawing a train
    assert np.abs(expected - w).max() > 5 * device.step
    np.testing.assert_allclose(backend.numpy(got), expected, rtol=0, atol=3e-6)


def test_update_without_management(backend, rng):
    device = DEVICES["constant"]
    x, d = case(rng)
    w = start(device, (5, 7), rng)
    options = {"lr": 0.01, "sample": 3, "pulses": 13, "managed": False}
    got = crossbar.pulse_update(backend.array(w), backend.array(x), backend.array(d), device=device, key=KEY, **options)
    np.testing.assert_allclose(backend.numpy(got), update_by_formula(device, w, x, d, **options)[0], rtol=0, atol=3e-6)


@pytest.mark.parametrize("kind", DEVICES)
def test_counted_pulses_and_cells(backend, rng, kind):
    device = DEVICES[kind]
    w, counts = start(device, (4, 33), rng), rng.integers(-9, 10, (4, 33)).astype(np.int32)
    cells = crossbar.device_cells(device, (4, 33), key=KEY, like=backend.array(w))
    expected = cells_by_formula(device, (4, 33))
    if isinstance(device, crossbar.LinearStep):
        expected[4:] /= expected[2:4]  # these hold slopes
    for name, values in zip(("up", "down", "high", "low", "shape_up", "shape_down"), expected, strict=True):
        np.testing.assert_allclose(backend.numpy(cells[name]), values, rtol=2e-6, atol=1e-9, err_msg=name)
    got = crossbar.apply_pulses(backend.array(w), backend.array(counts), device=device, key=KEY, sample=5)
    cells, cycles = cells_by_formula(device, (4, 33)), random.fold_in(KEY, "counted pulses")
    for i, j in np.ndindex(w.shape):
        z = random.normal(cycles, (1, 1), sample=5, element0=4 * (i << 31 | j))[0, 0]
        factor = 1 + device.noise * z / np.sqrt(max(abs(counts[i, j]), 1))
        expected = pulsed_by_formula(device, cells[:, i, j], counts[i, j], factor, float(w[i, j]))
        assert abs(backend.numpy(got)[i, j] - expected) < 3e-6
    given = backend.array(np.array([5]))  # the number of the round where the weights are
    again = crossbar.apply_pulses(backend.array(w), backend.array(counts), device=device, key=KEY, sample=given)
    np.testing.assert_array_equal(backend.numpy(again), backend.numpy(got))


@pytest.mark.parametrize("kind", DEVICES)
def test_same_bits_on_all_backends(rng, kind):
    """Wide enough for several blocks, and for rows whose coincidences are applied in portions."""
    device = DEVICES[kind]
    x, d = rng.uniform(-1, 1, (67, 31)).astype(np.float32), rng.standard_normal((67, 65)).astype(np.float32)
    w = start(device, (31, 65), rng)
    one = crossbar.pulse_update(w, x, d, device=device, lr=0.05, key=KEY, sample=2**40)
    with _launch.host(order="shuffled"):
        two = crossbar.pulse_update(w, x, d, device=device, lr=0.05, key=KEY, sample=2**40)
    assert np.array_equal(one, two)


@pytest.mark.parametrize("managed", [True, False])
def test_a_rate_in_memory(backend, rng, managed):
    w, x, d = start(DEVICES["linear"], (5, 7), rng), rng.uniform(-1, 1, (3, 5)).astype("f4"), rng.normal(size=(3, 7)).astype("f4")
    arrays = [backend.array(a) for a in (w, x, d)]
    one, two = (
        crossbar.pulse_update(*arrays, device=DEVICES["linear"], lr=lr, key=KEY, managed=managed)
        for lr in (0.05, backend.array(np.array([0.05])))
    )
    np.testing.assert_array_equal(backend.numpy(one), backend.numpy(two))


# ----------------------------------------------------------------------------------------------------------------------- laws
def test_coincidences_are_binomial(backend):
    """Counts of the cells (i, i), whose trains are all their own."""
    device = crossbar.ConstantStep(**QUIET, step=2.0**-10)
    n, p = 200, 0.9 * 0.4
    w, x, d = (backend.array(np.full(s, v, np.float32)) for s, v in (((n, n), 0), ((1, n), 0.9), ((1, n), -0.4)))
    for pulses in (5, 23):  # both ways of drawing a train; chances are |x| and |d| themselves
        found = [
            np.diag(backend.numpy(crossbar.pulse_update(
                w, x, d, device=device, lr=device.step * pulses, key=KEY, sample=s, pulses=pulses, managed=False
            )))
            for s in range(10)
        ]  # fmt: skip
        chances = scipy.stats.binom.pmf(np.arange(pulses + 1), pulses, p)
        likely = np.nonzero(10 * n * chances >= 5)[0]  # the others count with their neighbours
        counts = (np.concatenate(found) * 2.0**10).astype(int).clip(likely[0], likely[-1])
        expected = 10 * n * np.bincount(np.arange(pulses + 1).clip(likely[0], likely[-1]), chances)[likely[0] :]
        assert scipy.stats.chisquare(np.bincount(counts, minlength=likely[-1] + 1)[likely[0] :], expected).pvalue > 1e-4


def test_mean_update_is_the_outer_product(backend, rng):
    """Mean of many samples of one outer product, within the spread that pulses of independent size give it."""
    device = crossbar.ConstantStep(step=1e-4, step_dtod=0.0, noise=0.5, up_down_dtod=0.0, w_max=1e3, w_min=-1e3)
    x, d = rng.uniform(-1, 1, (1, 9)).astype(np.float32), rng.standard_normal((1, 6)).astype(np.float32)
    for repeats, lr in ((4000, 2e-4), (500, 5e-3)):
        batch = [backend.array(np.repeat(v, repeats, 0)) for v in (x, d)]
        w = crossbar.pulse_update(backend.array(np.zeros((9, 6), np.float32)), *batch, device=device, lr=lr, key=KEY, pulses=31)
        k = lr * np.abs(x).max() * np.abs(d).max() / device.step
        scaled = lr * min(1, 31 / k)  # a train has no more than 31 pulses
        mean = -scaled * x.T @ d
        spread = np.sqrt(device.step * np.abs(mean) * (1 + device.noise**2) / repeats)
        z = (backend.numpy(w) / repeats - mean) / spread
        assert np.abs(z).max() < 4.5
        assert 0.5 < np.sqrt((z**2).mean()) < 1.5


def test_cells_vary_as_described(rng):
    device = crossbar.ConstantStep(
        step=0.01, step_dtod=0.2, up_down=0.1, up_down_dtod=0.03, w_max_dtod=0.1, w_min=-0.4, w_min_dtod=0.05
    )
    cells = crossbar.device_cells(device, (120, 130), key=KEY)
    n = 120 * 130
    for values, mean, spread in (
        ((cells["up"] + cells["down"]) / 2, 0.01, 0.002),
        ((cells["up"] - cells["down"]) / (cells["up"] + cells["down"]), 0.1, 0.03),
        (cells["high"], 0.6, 0.06),
        (cells["low"], -0.4, 0.02),
    ):
        assert abs(values.mean() - mean) < 4 * spread / np.sqrt(n)
        assert abs(values.std() / spread - 1) < 4 / np.sqrt(2 * n)
    names = ("up", "high", "low")
    assert np.abs(np.corrcoef([cells[k].ravel() for k in names]) - np.eye(3)).max() < 4 / np.sqrt(n)


def test_a_split_of_the_batch_changes_nothing(backend, rng):
    device = DEVICES["soft bounds"]
    x, d = rng.uniform(-1, 1, (12, 6)).astype(np.float32), rng.standard_normal((12, 9)).astype(np.float32)
    w0 = backend.array(start(device, (6, 9), rng))

    def run(*pieces, **more):
        w = w0
        for piece in pieces:
            sample = piece if isinstance(piece, np.ndarray) else piece.start
            w = crossbar.pulse_update(
                w, backend.array(x[piece]), backend.array(d[piece]), device=device, lr=0.05, key=KEY, sample=sample, **more
            )  # fmt: skip
        return backend.numpy(w)

    whole = run(slice(0, 12))
    assert not np.array_equal(whole, backend.numpy(w0))
    assert np.array_equal(run(slice(0, 5), slice(5, 12)), whole)
    assert np.array_equal(run(*(slice(s, s + 1) for s in range(12))), whole)
    assert np.array_equal(run(np.arange(7), np.arange(7, 12)), whole)
    assert np.array_equal(run(slice(0, 12), memory_limit=16 * 15 * 5), whole)


def test_a_part_of_an_array_has_its_own_cells(backend, rng):
    device = DEVICES["exponential"]
    x, d = case(rng, (6, 9), 3)
    w = start(device, (6, 9), rng)
    options = {"device": device, "lr": 0.02, "key": KEY, "sample": 4, "managed": False}
    whole = backend.numpy(crossbar.pulse_update(backend.array(w), backend.array(x), backend.array(d), **options))
    columns = slice(0, 5)  # trains are by the line, from the first
    part = crossbar.pulse_update(backend.array(w[:, columns]), backend.array(x), backend.array(d[:, columns]), **options)
    assert np.array_equal(backend.numpy(part), whole[:, columns])
    counts = rng.integers(-5, 6, (6, 9)).astype(np.int32)
    whole = backend.numpy(crossbar.apply_pulses(backend.array(w), backend.array(counts), device=device, key=KEY))
    part = crossbar.apply_pulses(backend.array(w[2:, 3:]), backend.array(counts[2:, 3:]), device=device, key=KEY, origin=(2, 3))
    assert np.array_equal(backend.numpy(part), whole[2:, 3:])


def test_other_keys_are_other_devices_and_other_pulses(rng):
    device = DEVICES["constant"]
    x, d = case(rng)
    w = np.zeros((5, 7), np.float32)
    runs = [
        crossbar.pulse_update(w, x, d, device=device, lr=0.02, key=k, sample=s)
        for k, s in ((KEY, 0), (KEY, 6), (random.key(8), 0))
    ]
    assert not np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert not w.any()  # the weights that were given are left alone
    cells = [crossbar.device_cells(device, (5, 7), key=k)["up"] for k in (KEY, random.key(8))]
    assert not np.array_equal(*cells)


def test_a_difference_of_products_is_a_stack_with_signs(backend, rng):
    """As contrastive rules write: what one call does to the stack, two calls do to its parts."""
    device = DEVICES["soft bounds"]
    free, nudged = (case(rng, (5, 7), 3) for _ in range(2))
    w = backend.array(start(device, (5, 7), rng))
    stack = backend.array(np.concatenate([free[0], nudged[0]])), backend.array(np.concatenate([-free[1], nudged[1]]))
    one = crossbar.pulse_update(w, *stack, device=device, lr=0.02, key=KEY)
    two = crossbar.pulse_update(w, backend.array(free[0]), backend.array(-free[1]), device=device, lr=0.02, key=KEY)
    two = crossbar.pulse_update(
        two, backend.array(nudged[0]), backend.array(nudged[1]), device=device, lr=0.02, key=KEY, sample=3
    )
    assert np.array_equal(backend.numpy(one), backend.numpy(two))


@pytest.mark.parametrize("kind", DEVICES)
def test_weights_stay_within_their_bounds(backend, kind):
    device = DEVICES[kind]
    cells = crossbar.device_cells(device, (3, 5), key=KEY)
    for sign, bound in ((1, cells["high"]), (-1, cells["low"])):
        w = backend.array(np.zeros((3, 5), np.float32))
        counts = backend.array(np.full((3, 5), 3000 * sign, np.int32))
        w = backend.numpy(crossbar.apply_pulses(w, counts, device=device, key=KEY))
        assert (w <= cells["high"]).all()
        assert (w >= cells["low"]).all()
        if kind == "constant":
            assert np.array_equal(w, bound)
        elif kind in ("soft bounds", "linear"):  # here steps end at the bound, or are finite there
            np.testing.assert_allclose(w, bound, rtol=2e-3)


def test_symmetry_point_of_soft_bounds(backend):
    """up (1 - w / high) = down (1 - w / low), and alternating pulses find it."""
    device = crossbar.SoftBounds(step=0.02, up_down=0.1, up_down_dtod=0.1, noise=0.0, w_max=0.8)
    like = backend.array(np.zeros((6, 11), np.float32))
    up, down, high, low, _, _ = cells_by_formula(device, (6, 11))
    expected = (up - down) / (up / high - down / low)
    got = backend.numpy(crossbar.symmetry_point(device, (6, 11), key=KEY, like=like))
    np.testing.assert_allclose(got, expected, atol=1e-6)
    w = like
    for s in range(1500):
        w = crossbar.apply_pulses(w, backend.array(np.full((6, 11), 1 - 2 * (s % 2), np.int32)), device=device, key=KEY, sample=s)
    keep_up, keep_down = 1 - up / high, 1 + down / low  # a pulse up takes w to keep_up w + up, one down to keep_down w - down
    below = (keep_down * up - down) / (1 - keep_up * keep_down)  # where up and down comes back to itself
    np.testing.assert_allclose(backend.numpy(w), below, atol=1e-4)
    assert (np.abs(below - expected) < np.maximum(up, down)).all()


@pytest.mark.parametrize("kind", [k for k in DEVICES if k != "constant"])
def test_steps_are_equal_at_the_symmetry_point(kind):
    device = DEVICES[kind]
    point = crossbar.symmetry_point(device, (5, 6), key=KEY).astype(np.float64)
    cells = cells_by_formula(device, (5, 6))
    inside = 0
    for i, j in np.ndindex(5, 6):
        up, down, high, low, gamma_up, gamma_down = cells[:, i, j]
        steps = (
            up * response_by_formula(device, True, point[i, j], high, low, gamma_up),
            down * response_by_formula(device, False, point[i, j], high, low, gamma_down),
        )
        inside += low < point[i, j] < high and abs(steps[0] - steps[1]) < 1e-4 * (up + down)
    assert inside >= 25  # the others' steps are nowhere equal


def test_a_response_of_your_own(backend, rng):
    """Given as functions of the weight: those of soft bounds are followed by straight pieces exactly."""
    w = backend.array(rng.uniform(-0.3, 0.3, (3, 8)).astype(np.float32))
    counts = backend.array(rng.integers(-20, 21, (3, 8)).astype(np.int32))
    soft = crossbar.SoftBounds(**QUIET, step=0.01)
    own = crossbar.PiecewiseStep.of(lambda w: 0.01 * (1 - w / 0.6), lambda w: 0.01 * (1 + w / 0.6), nodes=5, **QUIET)
    assert own.step == pytest.approx(0.01)
    one, two = (backend.numpy(crossbar.apply_pulses(w, counts, device=device, key=KEY)) for device in (soft, own))
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_nothing_to_do_changes_nothing(backend):
    w = backend.array(np.full((3, 4), 0.1, np.float32))
    x, d, empty = (backend.array(np.ones(s, np.float32)) for s in ((2, 3), (2, 4), (0, 3)))
    for args, lr in (((x, 0 * d), 0.1), ((0 * x, d), 0.1), ((x, d), 0.0), ((empty, d[:0]), 0.1)):
        assert np.array_equal(backend.numpy(crossbar.pulse_update(w, *args, device="ecram", lr=lr, key=KEY)), backend.numpy(w))


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("reram-es", (0.359109, -0.544108, -0.367804)),
        ("reram-sb", (0.412368, -0.444148, -0.193473)),
        ("capacitor", (1.0, -1.0, -0.481444)),
        ("ecram", (0.487953, -0.483592, -0.276107)),
        ("ecram-mo", (0.069664, -0.071148, -0.042365)),
        ("idealized", (0.05, -0.05, -0.03)),
        (crossbar.ExponentialStep(step=0.005), (0.6, -0.6, -0.101786)),
        (crossbar.PowerStep(step=0.005, gamma_up=1.7, gamma_down=1.7), (0.247005, -0.315255, -0.071614)),
    ],
)
def test_trajectories_without_variation(device, expected):
    """From 0, 250 pulses up, 500 down and 100 up: as measured on the tiles of IBM's aihwkit 1.1.0, all of its spreads set to zero."""
    described = crossbar.pulsed_device(device)
    spreads = [name for name in vars(described) if name.endswith("dtod") or name == "noise"]
    quiet = dataclasses.replace(described, **dict.fromkeys(spreads, 0.0))
    w = np.zeros((1, 1), np.float32)
    for count, after in zip((250, -500, 100), expected, strict=True):
        w = crossbar.apply_pulses(w, np.full((1, 1), count, np.int32), device=quiet, key=KEY)
        assert w[0, 0] == pytest.approx(after, abs=2e-6)


def test_presets_are_found_by_name():
    for name, device in crossbar.PULSED_DEVICES.items():
        assert crossbar.pulsed_device(name) is device
        up, down = device.response(np.zeros((1, 1)), crossbar.device_cells(device, (1, 1), key=KEY))
        assert up > 0
        assert down > 0
    with pytest.raises(ValueError, match="no pulsed device is called 'capacitors': the nearest is 'capacitor'"):
        crossbar.pulsed_device("capacitors")


# ------------------------------------------------------------------------------------------------------------------- messages
def checked(function, *args, **options):
    """The call, and what a GPU tells of it only when asked."""
    result = function(*args, **options)
    _launch.check()
    return result


@pytest.mark.parametrize("wrong", [0.7, -1.0, np.nan])
def test_weights_outside_their_range_are_faults(backend, wrong):
    device = crossbar.ConstantStep(**QUIET)
    w = np.zeros((3, 5), np.float32)
    w[2, 3] = wrong
    w, ones, none = backend.array(w), backend.array(np.ones((1, 5), np.float32)), backend.array(np.zeros((3, 5), np.int32))
    message = r"outside the range of its cell: pnnkern\.crossbar\.clip_weights"
    with pytest.raises(ValueError, match=message):
        checked(crossbar.pulse_update, w, ones[:, :3], ones, device=device, lr=1e-3, key=KEY)
    with pytest.raises(ValueError, match=message):
        checked(crossbar.apply_pulses, w, none, device=device, key=KEY)
    if np.isfinite(wrong):
        w = crossbar.clip_weights(w, device=device, key=KEY)
        checked(crossbar.pulse_update, w, ones[:, :3], ones, device=device, lr=1e-3, key=KEY)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["x", "d"])
def test_values_that_are_not_finite_are_faults(backend, wrong, side):
    lines = {"x": np.ones((2, 3), np.float32), "d": np.ones((2, 4), np.float32)}
    lines[side][1, 2] = wrong
    w, x, d = (backend.array(v) for v in (np.zeros((3, 4), np.float32), lines["x"], lines["d"]))
    with pytest.raises(ValueError, match="x and d must be finite"):
        checked(crossbar.pulse_update, w, x, d, device="ecram", lr=0.1, key=KEY)


LONG = {
    "linear": crossbar.LinearStep(noise=0.0, gamma_up=0.3, gamma_down=0.4),
    "soft bounds": crossbar.SoftBounds(noise=0.0),
    "exponential": crossbar.ExponentialStep(noise=0.0),
    "power": crossbar.PowerStep(noise=0.0),
    "piecewise": crossbar.PiecewiseStep(noise=0.0, up=(2.0, 0.5, 0.0), down=(0.0, 1.0, 3.0)),
    "constant": crossbar.ConstantStep(noise=0.0),
}


@pytest.mark.parametrize("device", LONG.values(), ids=LONG.keys())
def test_any_number_of_pulses_comes_to_an_end(backend, device: crossbar.PulsedDevice) -> None:
    """3000 pulses are three times 1000, to the bit where they are counted one by one; and as many as an int32 holds are done at once."""
    w = backend.array(np.zeros((3, 4), np.float32))

    def pulses(w, n: int):
        return crossbar.apply_pulses(w, backend.array(np.full((3, 4), n, np.int32)), device=device, key=KEY)

    parts = w
    for _ in range(3):
        parts = pulses(parts, 1000)
    off = np.abs(backend.numpy(pulses(w, 3000)) - backend.numpy(parts)).max()
    assert off == 0 or (device is LONG["constant"] and off < 1e-6)
    ends = [backend.numpy(pulses(w, n)) for n in (2**31 - 1, -(2**31) + 1, -(2**31), 0)]
    cells = {name: backend.numpy(x) for name, x in crossbar.device_cells(device, (3, 4), key=KEY, like=w).items()}
    assert np.array_equal(ends[1], ends[2])
    assert (ends[0] > 0).all()
    assert (ends[0] <= cells["high"]).all()
    assert (ends[1] < 0).all()
    assert (ends[1] >= cells["low"]).all()
    assert not ends[3].any()


W, X, D = np.zeros((3, 4), np.float32), np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        ((W, X, D), {"key": None}, ValueError, "key=pnnkern.random.key"),
        ((W.astype(np.float64), X, D), {}, TypeError, r"w must be float32 \(n_in, n_out\), got float64 \(3, 4\)"),
        ((W, X.astype(int), D), {}, TypeError, r"x must be an array of float32 or float64, got int64"),
        ((W, X, X), {}, ValueError, r"do not fit: shapes \(3, 4\), \(2, 3\) and \(2, 3\)"),
        ((W, X, D[:1]), {}, ValueError, "do not fit"),
        ((W, X, D), {"lr": -0.1}, ValueError, "lr must be finite and 0 or more, got -0.1"),
        ((W, X, D), {"lr": np.nan}, ValueError, "lr must be finite"),
        ((W, X, D), {"lr": np.array([-0.1])}, ValueError, "lr must be finite and 0 or more"),
        ((W, X, D), {"lr": np.array([0.1, 0.2])}, ValueError, r"lr must be a number or float64 \(1,\), got float64 \(2,\)"),
        ((W, X, D), {"pulses": 32}, ValueError, "pulses must be an integer from 1 to 31, got 32"),
        ((W, X, D), {"sample": -1}, ValueError, "sample must be from 0 to below"),
        ((W, X, D), {"sample": np.arange(3)}, ValueError, "2 indices, one for each row"),
        ((W, X, D), {"origin": (0, -1)}, ValueError, "origin must be a row and a column"),
        ((W, X, D), {"device": "ecrm"}, ValueError, "no pulsed device is called 'ecrm': the nearest is 'ecram'"),
        ((W, X, D), {"device": crossbar.PulsedDevice()}, TypeError, "no response of its own: use ConstantStep"),
    ],
)
def test_messages(args, options, error, message):
    with pytest.raises(error, match=message):
        crossbar.pulse_update(*args, **{"device": "ecram", "lr": 0.1, "key": KEY, **options})


def test_messages_of_counts_and_descriptions():
    with pytest.raises(TypeError, match=r"counts must be int32 like the weights \(3, 4\), got float32"):
        crossbar.apply_pulses(W, W, device="ecram", key=KEY)
    with pytest.raises(ValueError, match="step of a pulsed device must be positive"):
        crossbar.ConstantStep(step=0.0)
    with pytest.raises(ValueError, match="noise is a standard deviation and must not be negative"):
        crossbar.ConstantStep(noise=-1.0)
    with pytest.raises(ValueError, match="needs w_min <= 0 <= w_max"):
        crossbar.ConstantStep(w_min=0.1)
    with pytest.raises(ValueError, match="w_max of a pulsed device must be finite, got inf"):
        crossbar.ConstantStep(w_max=np.inf)
    with pytest.raises(ValueError, match="two or more steps each"):
        crossbar.PiecewiseStep(up=(1.0,), down=(1.0,))
