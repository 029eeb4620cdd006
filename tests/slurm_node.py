"""A Slurm of one node for tests: its daemons are started under a folder and ended again. No systemd, no control groups, no accounting."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo")
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={port}
SlurmdPort={port_d}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=300
SwitchType=switch/none
MailProg=/bin/true
OverTimeLimit=0
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> str:
    """Why no Slurm can be started here; "" if nothing is known against it."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if absent:
        return f"Slurm and munge are not installed ({', '.join(absent)}): apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "a Slurm for tests is started as root only"


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Path]:
    """A Slurm with its files in `folder`, whose configuration is given. Skips the test, with the reason, where it does not come up."""
    if reason := missing():
        pytest.skip(reason)
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    folder.chmod(0o711)  # munged wants nobody else to be able to write on the way to its socket
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    config = folder / "slurm.conf"
    filled = {"host": host, "user": "root", "folder": folder, "cpus": os.cpu_count(), "memory": memory * 9 // 10}
    config.write_text(CONFIG.format(**filled, port=_free(), port_d=_free()).lstrip())
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")  # played: Slurm counts them
    environment = os.environ | {"SLURM_CONF": str(config), "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    daemons = [
        ["munged", "--force", "--foreground", f"--key-file={key}", f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid",
         f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"],
        ["slurmctld", "-D", "-f", str(config)],
        ["slurmd", "-D", "-f", str(config), "-N", host],
    ]  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in daemons:
            with open(folder / f"{command[0]}.out", "wb") as out:
                running.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True))
            time.sleep(0.3)
        for _ in range(100):
            said = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True, check=False)
            if "idle" in said.stdout:
                break
            time.sleep(0.2)
        else:
            logs = " | ".join((folder / f"{name[0]}.out").read_text()[-300:] for name in daemons)
            assert "inval" not in said.stdout, f"Slurm does not take this configuration: {logs}"
            pytest.skip(f"Slurm does not come up here: {said.stdout} {said.stderr} {logs}".replace("\n", " "))
        yield config
    finally:
        subprocess.run(["scancel", "--user", "root"], env=environment, capture_output=True, check=False)
        while subprocess.run(["squeue", "-h", "-t", "R,CG"], env=environment, capture_output=True, check=False).stdout.strip():
            time.sleep(0.3)
        for process in reversed(running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
