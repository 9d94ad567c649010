"""What befalls a job, at a moment drawn at random."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from lightning_regkit._files import part_of
from tests.faults.job import End, Job

IMPORTS_S: Final = 5.0
TRAINING_S: Final = 0.6
IMPORTING_FRACTION: Final = 0.25
BALLAST: Final = "ballast"


def nothing(_job: Job) -> None:
    """Leave everything as it is."""


@final
@dataclass(frozen=True)
class Fault:
    """One thing that happens to a run.

    Args:
        name: For the table.
        strike: Does it; returns the moment in words, "" if the job ended before.
        ends_well: Whether the job ended as it should after this.
        is_hit: Whether the checkpoints look as they do when the moment was right.
        mend: Undoes what is in the way of going on.
        kind: ``"kill"`` or ``"disk"``.
    """

    name: str
    strike: Callable[[Job, np.random.Generator], str]
    ends_well: Callable[[End], bool]
    is_hit: Callable[[Path], bool] = lambda _: True
    mend: Callable[[Job], None] = nothing
    kind: str = "kill"


def _wait(job: Job, seconds: float) -> bool:
    stop = time.monotonic() + seconds
    return job.wait_for(lambda: time.monotonic() > stop)


def _wait_in_training(job: Job, generator: np.random.Generator) -> str:
    pause = generator.uniform(0, TRAINING_S)
    return f"{pause:.2f} s into training" if job.wait_for(job.is_training) and _wait(job, pause) else ""


def _anywhere(job: Job, generator: np.random.Generator) -> str:
    if generator.random() > IMPORTING_FRACTION:
        moment = _wait_in_training(job, generator)
    else:
        pause = generator.uniform(0, IMPORTS_S)
        moment = f"{pause:.2f} s after the start" if _wait(job, pause) else ""
    job.hit(signal.SIGKILL)
    return moment


def _stamp(checkpoints: Path) -> int:
    """Return when the hidden part was last written to, 0 if there is none."""
    try:
        return part_of(checkpoints / "resume.ckpt").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _in_a_write(job: Job, generator: np.random.Generator) -> str:
    moment = _wait_in_training(job, generator)
    left_over = _stamp(job.checkpoints)
    is_writing = job.wait_for(lambda: _stamp(job.checkpoints) not in (0, left_over))
    job.hit(signal.SIGKILL)
    return f"{moment}, in the next write" if is_writing else ""


def _sigterm(job: Job, generator: np.random.Generator) -> str:
    moment = _wait_in_training(job, generator)
    for rank in range(job.setup.devices):
        job.hit_rank(rank, signal.SIGTERM)
    return moment


def _kill_rank(rank: int) -> Callable[[Job, np.random.Generator], str]:
    def strike(job: Job, generator: np.random.Generator) -> str:
        moment = _wait_in_training(job, generator)
        job.hit_rank(rank, signal.SIGKILL)
        return moment

    return strike


def _fill(job: Job, generator: np.random.Generator) -> str:
    moment = _wait_in_training(job, generator) if job.wait_for((job.checkpoints / "resume.ckpt").exists) else ""
    with (job.checkpoints.parent / BALLAST).open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return moment


def _remount(job: Job, access: str) -> bool:
    command = ["mount", "-o", f"remount,{access}", str(job.checkpoints.parent)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _forbid(job: Job, generator: np.random.Generator) -> str:
    moment = _wait_in_training(job, generator) if job.wait_for((job.checkpoints / "resume.ckpt").exists) else ""
    job.wait_for(lambda: _remount(job, "ro"))  # busy while a checkpoint is being written
    return moment


def _allow(job: Job) -> None:
    assert _remount(job, "rw")


def _killed(end: End) -> bool:
    return end.code == -signal.SIGKILL


def _says(number: int) -> Callable[[End], bool]:
    """Ask for the file, and for the reason in the system's words."""
    texts = ("AtomicCheckpointIO: folder must", os.strerror(number), "resume.ckpt")
    return lambda end: end.code == 1 and all(text in end.output for text in texts)


def _unfill(job: Job) -> None:
    (job.checkpoints.parent / BALLAST).unlink()


KILL: Final = Fault("SIGKILL", _anywhere, _killed)
KILL_IN_A_WRITE: Final = Fault("SIGKILL in a write", _in_a_write, _killed, is_hit=lambda path: _stamp(path) != 0)
TERMINATE: Final = Fault("SIGTERM", _sigterm, lambda end: "ExactResume: saved" in end.output)
KILL_RANK_0: Final = Fault("SIGKILL of rank 0", _kill_rank(0), _killed)
# Rank 0 finds its peer gone and says so, or is killed by Lightning, which watches it.
KILL_RANK_1: Final = Fault("SIGKILL of rank 1", _kill_rank(1), lambda end: end.code != 0)
FULL_DISK: Final = Fault("disk full", _fill, _says(errno.ENOSPC), mend=_unfill, kind="disk")
READ_ONLY: Final = Fault("read-only folder", _forbid, _says(errno.EROFS), mend=_allow, kind="disk")
