"""Runs that are hit again and again until they end, and must then equal one that never was."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final, final

import numpy as np

from tests.faults.faults import Fault
from tests.faults.job import HangError, Job, Setup
from tests.faults.verdict import damages, differences, is_finished, lost_rows

TMPFS: Final = "size=16m"  # three checkpoints
TRIES: Final = 5  # for each fault, where the job may end before it strikes


@final
@dataclass(frozen=True)
class Story:
    """Faults that befall a run, one after another; where it ends before the last of them, the rest befall the next."""

    setup: Setup
    faults: tuple[Fault, ...]
    is_on_tmpfs: bool = False


@final
@dataclass(frozen=True)
class Row:
    """One line of the table: what was done to a run, and what came out."""

    setup: Setup
    what: str
    moment: str = ""
    code: int | None = None
    wrong: tuple[str, ...] = ()
    kind: str = ""  # "kill", "disk", "run", or "" for what missed

    def __str__(self) -> str:
        code = "" if self.code is None else self.code
        outcome = "; ".join(self.wrong) or "as it should"
        return f"{self.setup!s:23} {self.what:20} {self.moment:38} {code:>4}  {outcome}"


@final
@dataclass
class Theater:
    """Where stories are played.

    Args:
        folder: For everything that is written.
        generator: Draws the moments.
    """

    folder: Path
    generator: np.random.Generator
    _expected: dict[Setup, Path] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def play(self, story: Story) -> Iterator[Row]:
        """Yield a row after each fault, and one for each run that got to its end."""
        pending, tries = list(story.faults), TRIES * len(story.faults)
        while pending:
            run, struck = self._new_folder(), 0
            with _disk(run / "disk", is_tmpfs=story.is_on_tmpfs) as disk:
                while pending and not is_finished(run, story.setup.devices):
                    row = _strike(pending[0], Job(story.setup, run, disk / "checkpoints"), self.generator)
                    yield row
                    pending, struck, tries = pending[bool(row.kind) :], struck + 1, tries - 1
                    assert tries > 0, "the job always ends before it is struck"
                yield self._finish(story.setup, run, disk / "checkpoints", struck)

    def _finish(self, setup: Setup, run: Path, checkpoints: Path, struck: int) -> Row:
        """Let a run go on to its end, and compare it."""
        code = 0 if is_finished(run, setup.devices) else _undisturbed(setup, run, checkpoints)
        expected = self._uninterrupted(setup)
        wrong = [*damages(checkpoints, parts=0), *differences(expected, run)]
        lost = lost_rows(expected, run)
        if len(lost) > struck:  # the logger writes after the save: a kill between them costs one row
            wrong.append(f"never logged: {lost}")
        return Row(setup, "went on to the end", f"after {struck} faults", code, tuple(wrong), "run")

    def _uninterrupted(self, setup: Setup) -> Path:
        if setup not in self._expected:
            run = self._expected[setup] = self._new_folder()
            _undisturbed(setup, run, run / "checkpoints")
        return self._expected[setup]

    def _new_folder(self) -> Path:
        folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        return folder


def _strike(fault: Fault, job: Job, generator: np.random.Generator) -> Row:
    try:
        moment = fault.strike(job, generator)
        end = job.end()
    except HangError as hang:
        return Row(job.setup, fault.name, wrong=(str(hang),), kind=fault.kind)
    finally:
        fault.mend(job)
    if not moment or is_finished(job.folder, job.setup.devices):
        return Row(job.setup, fault.name, "too late, it had ended", end.code)
    kind = fault.kind if fault.is_hit(job.checkpoints) else ""
    wrong = damages(job.checkpoints, parts=1)
    if not fault.ends_well(end):
        wrong.append(f"ends badly:\n{end.output[-3000:]}")
    return Row(job.setup, fault.name, moment, end.code, tuple(wrong), kind)


def _undisturbed(setup: Setup, run: Path, checkpoints: Path) -> int:
    end = Job(setup, run, checkpoints).end()
    assert is_finished(run, setup.devices), end.output[-6000:]
    return end.code


@contextmanager
def _disk(folder: Path, *, is_tmpfs: bool) -> Iterator[Path]:
    """Make a folder, which is a small disk of its own if that is asked for."""
    folder.mkdir()
    if not is_tmpfs:
        yield folder
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", TMPFS, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
