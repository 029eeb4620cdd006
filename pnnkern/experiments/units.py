"""Numbers as people read them: SI prefixes and units, per cent, durations. The one place where the command line and reports write numbers."""

import math

_PREFIXES = {8: "Y", 7: "Z", 6: "E", 5: "P", 4: "T", 3: "G", 2: "M", 1: "k", 0: "", -1: "m", -2: "µ", -3: "n", -4: "p", -5: "f", -6: "a",
             -7: "z", -8: "y"}  # fmt: skip
_BARE = ("1", "rad", "%", "K")  # units that take no prefix
_SUFFIXES = {"j": "J", "s": "s", "m2": "m2", "m": "m", "w": "W", "v": "V", "a": "A", "hz": "Hz", "per_joule": "1/J", "per_s": "1/s"}
_WORDS = {"1/J": " per joule", "1/s": " per second"}
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number(value: float, digits: int = 4) -> str:
    """A pure number to so many significant digits: 0.0123, 12 300, 1.05 × 10⁻⁸."""
    if not math.isfinite(value) or value == 0:
        return f"{value + 0.0:g}"  # no -0
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if not -4 <= exponent < 6:
        return f"{rounded / 10.0**exponent:.{digits}g} × 10{str(exponent).translate(_RAISED)}"
    text = f"{rounded:,.{max(0, digits - 1 - exponent)}f}".replace(",", " ")
    return text.rstrip("0").rstrip(".") if "." in text else text


def si(value: float, unit: str, digits: int = 3) -> str:
    """A value in an SI unit with the prefix that suits it: ``si(1.05e-8, "J")`` is 10.5 nJ, ``si(1.4e-8, "m2")`` is 0.014 mm².

    unit : "m", "m2", "S", "N/m", "1/s", ...; "1" for pure numbers. Radians, kelvins and per cent take no prefix.
    """
    scale, name = scaled(float(f"{value:.{digits - 1}e}"), unit)
    return _joined(number(value / scale, digits), name)


def span(low: float, high: float, unit: str, digits: int = 3) -> str:
    """A range in one unit: 0.2 to 25 µS."""
    scale, name = scaled(float(f"{max(abs(low), abs(high)):.{digits - 1}e}"), unit)
    return _joined(f"{number(low / scale, digits)} to {number(high / scale, digits)}", name)


def _joined(text: str, name: str) -> str:
    """A number and its unit; no space before "/s"."""
    return text + name if name.startswith("/") else f"{text} {name}".rstrip()


def scaled(value: float, unit: str) -> tuple[float, str]:
    """The size of the prefixed unit that suits a value, in the unit, and its name: (1e-6, "µS") for 2e-5 and "S".

    The number before it is 1 or more and below 1000; of squares 0.01 or more and below 10 000, and the size is that of the square.
    """
    power, least = (2, -2) if unit.endswith("2") else (1, 0)  # `least`: the decade that a number may begin in
    order = 0
    if unit not in _BARE and math.isfinite(value) and value != 0:
        order = math.floor((math.log10(abs(value)) - least + 1e-12) / (3 * power))
    prefix = _PREFIXES.get(order, "")
    name = "" if unit == "1" else unit.replace("2", "²")
    if name.startswith("1/"):  # a number of them: 35.1 T/J
        name = name[1:]
    return (1000.0 ** (order * power) if order in _PREFIXES else 1.0), prefix + name


def percent(share: float, digits: int = 2) -> str:
    """A share of 1: 93.20 %."""
    return f"{100 * share:.{digits}f} %"


def count(n: int) -> str:
    """A whole number, in groups of three digits: 200 960."""
    return f"{n:,}".replace(",", " ")


def duration(seconds: float) -> str:
    """A time: 12.3 ms, 35 s, 2 min 05 s, 1 h 02 min, 3 d 04 h."""
    if not 59.5 <= seconds < math.inf:
        return si(seconds, "s", 2 if seconds >= 1 else 3)
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, rest = divmod(round(seconds / 60), 60)
    if hours < 24:
        return f"{hours} h {rest:02d} min"
    days, rest = divmod(round(seconds / 3600), 24)
    return f"{days} d {rest:02d} h"


def named(key: str, value: float) -> tuple[str, str]:
    """What a metric's name says, in words, and its value with the unit that the name ends in: ("latency", "1.2 µs") for "latency_s"."""
    if "accuracy" in key:
        return key.replace("_", " "), percent(value)
    for suffix, unit in sorted(_SUFFIXES.items(), key=lambda item: -len(item[0])):
        if key.endswith(f"_{suffix}"):
            words = key.removesuffix(f"_{suffix}").replace("_", " ") + _WORDS.get(unit, "")
            return words, si(value, unit)
    return key.replace("_", " "), count(int(value)) if float(value).is_integer() else number(value)
