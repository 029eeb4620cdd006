"""Ten random networks of resistors and diodes, and their voltages by ngspice: tests/networks/ngspice.json.

    python scripts/ngspice_networks.py tests/networks/ngspice.json

ngspice is the Debian package `ngspice`. Each diode is a current source g (r w + (1 - r) max(w - drop, 0)) of the voltage w across it, so
that the circuit simulator solves the same circuit by its own methods.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

OPTIONS = "reltol=1e-10 abstol=1e-16 vntol=1e-13 gmin=1e-18 itl1=2000"


def network(seed: int) -> dict[str, Any]:
    """A connected random network of 6 to 15 nodes, three of them held; half of its edges are diodes, some nodes get a current."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 16))
    tree = [(int(rng.integers(0, i)), i) for i in range(1, n)]
    others = [(a, b) for a in range(n) for b in range(a + 1, n) if (a, b) not in tree]
    chosen = [others[k] for k in rng.permutation(len(others))[: n // 2 + 2]]
    edges = [pair if rng.random() < 0.5 else pair[::-1] for pair in tree + chosen]
    return {
        "n_nodes": n, "edges": edges, "diode": (rng.random(len(edges)) < 0.5).tolist(), "reverse": 1e-2, "drop": 0.3,
        "conductance": (10 ** rng.uniform(-4, -2, len(edges))).tolist(), "nodes": rng.permutation(n)[:3].tolist(),
        "voltages": rng.uniform(-5, 5, 3).tolist(), "currents": (1e-4 * rng.standard_normal(n) * (rng.random(n) < 0.4)).tolist(),
    }  # fmt: skip


def solve(net: dict[str, Any]) -> list[float]:
    """Node voltages by ngspice's operating point."""
    lines = ["* a network of resistors and diodes"]
    for k, ((a, b), diode, g) in enumerate(zip(net["edges"], net["diode"], net["conductance"], strict=True)):
        r, w = net["reverse"], f"V(n{a},n{b})"
        lines.append(f"B{k} n{a} n{b} I={g * r!r}*{w}+{g * (1 - r)!r}*uramp({w}-{net['drop']})" if diode else f"R{k} n{a} n{b} {1 / g!r}")
    lines += [f"V{k} n{i} 0 {v!r}" for k, (i, v) in enumerate(zip(net["nodes"], net["voltages"], strict=True))]
    lines += [f"I{i} 0 n{i} {value!r}" for i, value in enumerate(net["currents"]) if value]
    shown = "\n".join(f"print v(n{i})" for i in range(net["n_nodes"]))
    lines += [f".options {OPTIONS}", ".control", "set numdgt=14", "op", shown, "quit", ".endc", ".end"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.cir"
        file.write_text("\n".join(lines) + "\n")
        said = subprocess.run(["ngspice", "-b", str(file)], capture_output=True, text=True, check=False).stdout
    found = dict(line.split(" = ") for line in said.splitlines() if line.startswith("v(n") and " = " in line)
    return [float(found[f"v(n{i})"]) for i in range(net["n_nodes"])]


def main() -> None:
    networks = [network(seed) for seed in range(10)]
    for net in networks:
        net["ngspice"] = solve(net)
    Path(sys.argv[1]).write_text("[\n" + ",\n".join(json.dumps(net) for net in networks) + "\n]\n")


if __name__ == "__main__":
    main()
