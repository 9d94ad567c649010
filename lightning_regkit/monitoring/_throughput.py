"""How fast training goes, and how much of its time it waits for data."""

import time
from collections.abc import Callable
from typing import final

__all__ = ["Throughput"]


@final
class Throughput:
    """Samples per second of training, and the share of that time spent waiting for the next batch.

    Time in between, such as that of a validation, is left out: what follows a pause counts from the next batch on, and
    the wait for that batch with it.

    Args:
        clock: Seconds since some fixed moment.

    Example:
        >>> seconds = iter([0.0, 1.0, 2.0, 4.0])
        >>> meter = Throughput(lambda: next(seconds))
        >>> meter.start()
        >>> meter.begin_wait()
        >>> meter.end_wait()
        >>> meter.add(8)
        >>> meter.take()
        {'samples_per_s': 2.0, 'wait_share': 0.25}
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._since: float | None = None
        self._wait_since: float | None = None
        self._samples, self._spent_s, self._waited_s = 0, 0.0, 0.0

    def start(self) -> None:
        """Begin anew, running."""
        self._clear()
        self._since = self._clock()
        self._wait_since = None

    def pause(self) -> None:
        """Stop the time; harmless when it stands still."""
        if self._since is not None:
            self._spent_s += self._clock() - self._since
        self._since = None

    def resume(self) -> None:
        """Let the time run; harmless when it does."""
        if self._since is None:
            self._since = self._clock()

    def begin_wait(self) -> None:
        """Say that the next batch is being asked for."""
        self._wait_since = self._clock()

    def end_wait(self) -> None:
        """Say that it has come, or that there is none."""
        if self._wait_since is None:
            return
        waited = self._clock() - self._wait_since
        self._waited_s += waited
        if self._since is None:  # the wait that ends a pause
            self._spent_s += waited
        self._wait_since = None

    def add(self, samples: int) -> None:
        """Count samples that training is done with."""
        self._samples += samples

    def take(self) -> dict[str, float]:
        """Return the figures since the last call, or since the start, and begin anew.

        Returns:
            ``samples_per_s`` and ``wait_share`` in [0, 1]; nothing where no time has gone by.
        """
        now = self._clock()
        spent = self._spent_s + (0.0 if self._since is None else now - self._since)
        samples, waited = self._samples, self._waited_s
        self._clear()
        self._since = None if self._since is None else now
        return {"samples_per_s": samples / spent, "wait_share": waited / spent} if spent > 0 else {}

    def _clear(self) -> None:
        self._samples, self._spent_s, self._waited_s = 0, 0.0, 0.0
