"""Published fits between the points that `test_devices` looks at: written out in microsiemens."""

import numpy as np
import pytest

from pnnkern.crossbar import device

DAY = 86400.0


def wan(r: float, coefficients: tuple[float, ...]) -> float:
    return sum(c * r**i for i, c in enumerate(coefficients))


SECOND, ONE_DAY, TWO_DAYS = (
    (0.348, 16.030, -43.853, 45.393, -16.815), (0.701, 22.086, -50.773, 47.095, -16.458), (0.782, 20.274, -43.507, 37.062, -11.934)
)  # fmt: skip


@pytest.mark.parametrize(("time", "parts"), [
    (0.0, ((1.0, SECOND),)), (0.5, ((1.0, SECOND),)),
    (3600.0, ((1 - np.log(3600) / np.log(DAY), SECOND), (np.log(3600) / np.log(DAY), ONE_DAY))),
    (1.5 * DAY, ((1 - np.log(1.5) / np.log(2), ONE_DAY), (np.log(1.5) / np.log(2), TWO_DAYS))), (30 * DAY, ((1.0, TWO_DAYS),)),
])  # fmt: skip
def test_spread_of_rram_follows_the_logarithm_of_time(time: float, parts) -> None:
    expected = sum(share * wan(0.3, coefficients) for share, coefficients in parts)
    assert device("rram").spread(np.array([12e-6]), time)[0] * 1e6 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("r", [0.03, 0.1, 0.159, 0.1592, 0.25, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("name", ["pcm-hermes", "pcm-hermes-single"])
def test_hermes(name: str, r: float) -> None:
    """Exponents and Q of one device and of a pair, above and below their thresholds."""
    g_max, t0, pair = (20.7e-6, 300.0, True) if name == "pcm-hermes" else (10.35e-6, 200.0, False)
    log = np.log(r)
    mean = np.clip(-0.0387 * log - 0.0182, 0.072, 0.13) if r < 0.0945 else -0.0436 * r * r - 0.0126 * r + 0.0736
    if pair:
        std = np.clip(-0.0117 * log - 0.0057, 0.0091, 0.04) if r < 0.3055 else -0.0118 * r * r + 0.0093 * r + 0.0073
        q = np.clip(-0.0117 * log - 0.0069, 0.015, 0.04) if r < 0.16 else 0.0069 * r**3 - 0.0280 * r * r + 0.0211 * r + 0.0123
    else:
        std = np.clip(-0.0120 * log - 0.0023, 0.0124, 0.04) if r < 0.3039 else -0.0165 * r * r + 0.0116 * r + 0.0104
        q = np.clip(-0.0078 * log + 0.0038, 0.0179, 0.04) if r < 0.1591 else 0.0664 * r**3 - 0.1352 * r * r + 0.0768 * r + 0.0088
    G, used = np.array([r * g_max]), device(name)
    assert np.allclose(used.exponents(G), [[mean], [std]], rtol=1e-9)
    spectrum = np.sqrt(np.log((1e4 + t0 + 512e-9) / 1024e-9))
    assert np.allclose(used.read_noise(G, 1e4), G * q * spectrum, rtol=1e-9)
    assert np.allclose(used.read_noise(0.6 * G, 1e4, programmed=G), 0.6 * G * q * spectrum, rtol=1e-9)


@pytest.mark.parametrize(("days", "row"), [(0, (19.88665, 176.3115)), (5, (34.57909, 207.34309)), (40, (34.57909, 207.34309))])
def test_spread_of_sonos_ends_with_its_measurements(days: float, row: tuple[float, float]) -> None:
    current = 8e-6 * 0.1 * 1e9  # nanoamperes at 0.1 V
    expected = row[0] * (1 - np.exp(-current / row[1])) * 1e-9 / 0.1
    assert device("sonos").spread(np.array([8e-6]), days * DAY)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("time", "since"), [(0.0, 2e-6), (1.0, 1.0), (1e5, 1e5)])
def test_read_noise_of_reram(time: float, since: float) -> None:
    expected = 0.0277316483 * np.log10(50.0) * np.sqrt(np.log((since + 1e-6) / 2e-6))
    assert device("reram").read_noise(np.array([50e-6]), time)[0] * 1e6 == pytest.approx(expected, rel=1e-9)
