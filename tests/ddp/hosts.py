"""Two hosts on one machine: network namespaces with a cable between them."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, final

PREFIX: Final = "rk"
ADDRESSES: Final = ("10.77.0.1", "10.77.0.2")


class NotPermittedError(Exception):
    """This machine, or this user, has no network namespaces."""


@final
@dataclass(frozen=True)
class Host:
    """One of the two.

    Args:
        name: Of its namespace, and of its end of the cable.
        address: Its own.
    """

    name: str
    address: str

    @property
    def command(self) -> list[str]:
        """What a command starts with that is to run here."""
        return ["ip", "netns", "exec", self.name]

    def unplug(self) -> None:
        """Cut this host off, as a broken cable does: nothing arrives any more, and nobody is told."""
        _ip("-n", self.name, "link", "set", self.name, "down")

    def plug(self) -> None:
        """Mend the cable."""
        _ip("-n", self.name, "link", "set", self.name, "up")


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Set up both, with names that no other process has; gone afterwards, whatever happens.

    Raises:
        NotPermittedError: In the words of the system.
    """
    _sweep()
    hosts = tuple(Host(f"{PREFIX}{os.getpid()}{end}", address) for end, address in zip("ab", ADDRESSES, strict=True))
    try:
        for host in hosts:
            _ip("netns", "add", host.name)
        first, second = hosts
        _ip("-n", first.name, "link", "add", first.name, "type", "veth", "peer", second.name, "netns", second.name)
        for host in hosts:
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", host.name)
            for device in ("lo", host.name):
                _ip("-n", host.name, "link", "set", device, "up")
            _ip("netns", "exec", host.name, "true")
        yield first, second
    finally:
        for host in hosts:
            _delete(host.name)


def _ip(*arguments: str) -> str:
    try:
        done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NotPermittedError(str(error)) from error
    if done.returncode:
        raise NotPermittedError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _delete(name: str) -> None:
    """End what still runs there, and remove it; harmless when there is none."""
    running = subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True, text=True)
    for pid in map(int, running.stdout.split()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _sweep() -> None:
    """Remove what a process that was killed has left."""
    for name in re.findall(rf"^{PREFIX}\d+[ab]\b", _ip("netns", "list"), re.MULTILINE):
        if not os.path.exists(f"/proc/{name[len(PREFIX) : -1]}"):
            _delete(name)
