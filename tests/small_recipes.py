"""What makes the recipe of each kind of system small enough to try every rule on it: for tests, and for scripts/golden_runs.py."""

DIFFRACTIVE = ["system.size=64", "system.detector_size=8", "system.input_size=40", "system.spacing=10e-3"]
SMALL = {
    "boltzmann": ["system.hidden=[24]", "training.batch=8"],
    "crossbar": ["system.hidden=[24]", "training.batch=8"],
    "d2nn": ["training.batch=8", *DIFFRACTIVE],
    "drn": ["data.name=mnist-small"],
    "hopfield": ["system.hidden=[24]", "training.batch=8"],
    "hopfield-conv": ["system.maps=[8]", "training.batch=8"],
    "ising": ["system.hidden=[20]", "training.batch=8"],
    "oscillators": ["data.name=mnist-small", "system.hidden=[40]", "training.batch=8"],
    "resistor-network": ["training.batch=8"],
    "spring-network": ["training.batch=8"],
    "transistor-network": ["training.batch=8"],
}
QUICK = ["control.linear=false", "control.exact=false", "compute.threads=1"]
