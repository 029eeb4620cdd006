"""Print the lowest versions that setup.cfg allows, as a file of constraints for pip: `numpy>=2.0` becomes `numpy==2.0`."""

import configparser
from pathlib import Path

config = configparser.ConfigParser()
config.read(Path(__file__).resolve().parents[1] / "setup.cfg")
extras = config["options.extras_require"]
for requirement in "\n".join([config["options"]["install_requires"], extras["fftw"], extras["test"]]).split():
    if ">=" in requirement:
        print(requirement.replace(">=", "=="))
