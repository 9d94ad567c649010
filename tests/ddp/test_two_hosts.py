"""A run over two hosts: that of one with two processes; cut in the middle, it fails in time and goes on exactly."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, final

import pytest
import torch

from tests.ddp import hosts
from tests.ddp.hosts import ADDRESSES, Host, NotPermittedError, two_hosts
from tests.ddp.support import FOREIGN, RANKS, REPOSITORY
from tests.ddp.two_hosts import PATIENCE_S
from tests.faults.verdict import damages, differences, is_finished

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

#: Against hangs only.
TIMEOUT_S: Final = 180
#: What ends a run after its processes have waited for each other: exceptions, and torchrun.
END_S: Final = 30
PORT: Final = 29512
TORCHRUN: Final = (sys.executable, "-m", "torch.distributed.run")
#: What a command begins with, its environment, and the hosts of the run.
Start = tuple[list[str], dict[str, str], int]
#: Lines of the log after which something happens: in the middle of the second epoch.
LOGGED: Final = 30


def here(restarts: int = 0) -> Start:
    """Start all processes of a run on this host."""
    nodes = ["--standalone", f"--nproc-per-node={RANKS}", f"--max-restarts={restarts}"]
    # Else torch 2.5 and later may find addresses of before when they start again: pytorch/pytorch#135712.
    return [*TORCHRUN, *nodes], {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}, 1


def with_torchrun(host: Host, rank: int) -> Start:
    """Start one process on one of two hosts."""
    rendezvous = [f"--master-addr={ADDRESSES[0]}", f"--master-port={PORT}"]
    nodes = [f"--nnodes={RANKS}", f"--node-rank={rank}", "--nproc-per-node=1", *rendezvous]
    return [*host.command, *TORCHRUN, *nodes], {"GLOO_SOCKET_IFNAME": host.name}, RANKS


def as_srun_does(host: Host, rank: int) -> Start:
    """Start one process on one of two hosts, with the variables that Slurm sets; there is no Slurm here."""
    shared = {"SLURM_NTASKS": RANKS, "SLURM_NNODES": RANKS, "SLURM_NTASKS_PER_NODE": 1, "SLURM_LOCALID": 0}
    own = {"SLURM_PROCID": rank, "SLURM_NODEID": rank, "SLURM_JOB_ID": 77, "SLURM_JOB_NAME": "train"}
    variables = {name: str(value) for name, value in {**shared, **own}.items()}
    network = {"SLURM_NODELIST": ",".join(ADDRESSES), "GLOO_SOCKET_IFNAME": host.name}
    return [*host.command, sys.executable], {**variables, **network}, RANKS


@final
class Part:
    """One command of a run.

    Args:
        folder: Where the run writes.
        start: What the command begins with, its environment, and the hosts of the run.
        name: Of its output.
    """

    def __init__(self, folder: Path, start: Start, name: str = "all") -> None:
        self._output = folder / f"output-{name}.txt"
        command, variables, count = start
        environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        single = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        size = [f"--hosts={count}", f"--devices={RANKS // count}"]
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [*command, "-m", "tests.ddp.two_hosts", str(folder), *size],
                cwd=REPOSITORY,
                env={**environment, **single, **variables},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        return self._output.read_text()

    def end(self) -> int:
        """Wait for it, and return its exit status."""
        try:
            return self._process.wait(timeout=TIMEOUT_S)
        finally:
            if self.is_running:
                os.killpg(self._process.pid, signal.SIGKILL)


def over(pair: Sequence[Host], folder: Path, start: Callable[[Host, int], Start] = with_torchrun) -> list[Part]:
    return [Part(folder, start(host, rank), host.name) for rank, host in enumerate(pair)]


def assert_done(parts: list[Part]) -> None:
    for part in parts:
        assert part.end() == 0, part.output[-6000:]


def wait_in(parts: list[Part], event: Callable[[], bool]) -> None:
    stop = time.monotonic() + TIMEOUT_S
    while not event():
        assert all(part.is_running for part in parts), parts[0].output[-6000:]
        assert time.monotonic() < stop
        time.sleep(0.02)


def is_training(folder: Path) -> bool:
    rows = folder / "rows.jsonl"
    return rows.exists() and rows.read_text().count("\n") >= LOGGED


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Host, Host]]:
    try:
        with two_hosts() as both:
            yield both
    except NotPermittedError as refusal:
        pytest.skip(f"no network namespaces here: {refusal}")


@pytest.fixture(scope="module")
def one_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes on one host come to, undisturbed."""
    folder = tmp_path_factory.mktemp("one_host")
    assert_done([Part(folder, here())])
    return folder


@pytest.mark.parametrize("start", [with_torchrun, as_srun_does])
def test_two_hosts_equal_one_with_two_processes(
    start: Callable[[Host, int], Start], pair: tuple[Host, Host], one_host: Path, tmp_path: Path
) -> None:
    assert_done(over(pair, tmp_path, start))
    assert is_finished(tmp_path, RANKS)
    assert differences(one_host, tmp_path) == []
    rows = [(folder / "rows.jsonl").read_text() for folder in (one_host, tmp_path)]
    assert rows[0] == rows[1]
    first, second = (torch.load(tmp_path / f"final{rank}.pt")["weights"] for rank in range(RANKS))
    assert first.keys() == second.keys()
    learned = [name for name in first if "running" not in name]  # DDP broadcasts statistics before each step
    assert all(torch.equal(first[name], second[name]) for name in learned)


def test_a_host_cut_off_ends_the_run_which_then_goes_on_exactly(
    pair: tuple[Host, Host], one_host: Path, tmp_path: Path
) -> None:
    parts = over(pair, tmp_path)
    wait_in(parts, lambda: is_training(tmp_path))
    pair[1].unplug()
    start = time.monotonic()
    try:
        codes = [part.end() for part in parts]
    finally:
        pair[1].plug()
    assert time.monotonic() - start < PATIENCE_S + END_S
    assert codes == [1] * RANKS
    for part in parts:
        # gloo's two ways to say it: of the operation that waited, or of one after it on the pair that it closed
        said = (f"Timed out waiting {1000 * PATIENCE_S}ms", "Application timeout caused pair closure")
        assert any(text in part.output for text in said), part.output[-6000:]
    assert "ExactResume: one process failed, and a save needs all: go on from the last checkpoint." in parts[0].output
    assert not is_finished(tmp_path, RANKS)
    assert damages(tmp_path / "checkpoints", parts=1) == []

    assert_done(over(pair, tmp_path))
    assert differences(one_host, tmp_path) == []


def test_torchrun_starts_a_run_again_of_which_a_process_died(one_host: Path, tmp_path: Path) -> None:
    part = Part(tmp_path, here(restarts=1))
    wait_in([part], lambda: is_training(tmp_path))
    os.kill(int((tmp_path / "pid1").read_text()), signal.SIGKILL)
    assert_done([part])
    assert differences(one_host, tmp_path) == []
    rows = [(folder / "rows.jsonl").read_text().count("\n") for folder in (one_host, tmp_path)]
    assert rows[1] > rows[0], "it did die"


class PlantedError(Exception):
    """What goes wrong in a test."""


@pytest.mark.usefixtures("pair")
def test_nothing_is_left_of_the_hosts_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "PREFIX", "rkt")
    sleeping: list[subprocess.Popen[bytes]] = []

    def fail() -> None:
        with two_hosts() as (first, _):
            assert hosts._ip("netns", "list").count("rkt") == 2
            sleeping.append(subprocess.Popen([*first.command, "sleep", "60"]))
            while not hosts._ip("netns", "pids", first.name):
                time.sleep(0.01)
            raise PlantedError

    with pytest.raises(PlantedError):
        fail()
    assert "rkt" not in hosts._ip("netns", "list")
    assert sleeping[0].wait(timeout=10) == -signal.SIGKILL


@pytest.mark.usefixtures("pair")
def test_what_a_killed_process_left_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "PREFIX", "rks")
    gone = subprocess.Popen(["true"])
    gone.wait()
    left_over = f"rks{gone.pid}a"
    hosts._ip("netns", "add", left_over)
    try:
        with two_hosts():
            assert left_over not in hosts._ip("netns", "list")
    finally:
        hosts._delete(left_over)


def test_without_the_right_the_system_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotPermittedError, match="No such file or directory: 'ip'"), two_hosts():
        pass
