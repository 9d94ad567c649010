"""A training run in processes of its own, which can be hit while it runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from tests.ddp.support import FOREIGN, REPOSITORY

#: Against hangs only: what ends by itself does so in a few seconds.
TIMEOUT_S: Final = 60
POLL_S: Final = 0.0005


@final
@dataclass(frozen=True)
class Setup:
    """How the training is run: which must not change between a run and the one that goes on."""

    devices: int = 1
    workers: int = 0

    def __str__(self) -> str:
        return f"{self.devices} process{'es' * (self.devices > 1)}, {self.workers} workers"


@final
@dataclass(frozen=True)
class End:
    """How a job ended, every process of it."""

    code: int
    output: str


class HangError(AssertionError):
    """A job did not end by itself."""


@final
class Job:
    """``tests.faults.training``, started; ``end`` must be called.

    Args:
        setup: How.
        folder: Where it writes.
        checkpoints: Where it keeps its checkpoints.
    """

    def __init__(self, setup: Setup, folder: Path, checkpoints: Path) -> None:
        self.setup, self.folder, self.checkpoints = setup, folder, checkpoints
        for path in folder.glob("pid*"):
            path.unlink()
        self._rows_before = self._size_of_rows()
        options = {"checkpoints": checkpoints, "devices": setup.devices, "workers": setup.workers}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.training", folder, *(f"--{key}={options[key]}" for key in options)],
            cwd=REPOSITORY,
            env={
                **{key: value for key, value in os.environ.items() if key not in FOREIGN},
                "PYTHONPATH": str(REPOSITORY),
                "OMP_NUM_THREADS": "1",
                "CUDA_VISIBLE_DEVICES": "",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own: ranks and workers go with it
        )

    def wait_for(self, event: Callable[[], object]) -> bool:
        """Wait until something is true; False if the job ended before."""
        stop = time.monotonic() + TIMEOUT_S
        while not event():
            if self._process.poll() is not None:
                return False
            if time.monotonic() > stop:
                self._refuse_to_wait()
            time.sleep(POLL_S)
        return True

    def is_training(self) -> bool:
        """Tell whether it has trained on a batch."""
        return self._size_of_rows() > self._rows_before

    def hit(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group, if any is left."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def hit_rank(self, rank: int, number: signal.Signals) -> None:
        """Send a signal to one rank, if it is left."""
        with suppress(ProcessLookupError):
            os.kill(int((self.folder / f"pid{rank}").read_text()), number)

    def end(self) -> End:
        """Wait until every process has gone: each of them holds the other end of the pipe."""
        try:
            output, _ = self._process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._refuse_to_wait()
        return End(self._process.returncode, output)

    def _refuse_to_wait(self) -> None:
        self.hit(signal.SIGKILL)
        output, _ = self._process.communicate()
        raise HangError(f"{self.setup}: does not end:\n{output[-6000:]}") from None

    def _size_of_rows(self) -> int:
        rows = self.folder / "rows.jsonl"
        return rows.stat().st_size if rows.exists() else 0
