"""What processes hold: threads, file descriptors, memory; read from /proc, so that nothing in them helps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Resources", "family", "resources", "unread"]

PROC = Path("/proc")


@dataclass(frozen=True)
class Resources:
    """Of a process and its children.

    Attributes:
        threads: how many there are.
        files: open file descriptors.
        memory: bytes that are resident.
    """

    threads: int
    files: int
    memory: int

    def __sub__(self, other: Resources) -> Resources:
        return Resources(self.threads - other.threads, self.files - other.files, self.memory - other.memory)


def family(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(below for child in _children(pid) for below in family(child))]


def resources(pid: int) -> Resources:
    """What a process and those below it hold now."""
    threads = files = memory = 0
    for each in family(pid):
        try:
            status = (PROC / str(each) / "status").read_text()
            files += len(list((PROC / str(each) / "fd").iterdir()))
        except (FileNotFoundError, ProcessLookupError):
            continue  # It has just ended.
        threads += _number(status, "Threads:")
        memory += _number(status, "VmRSS:") * 1024
    return Resources(threads, files, memory)


def unread(port: int, peer: int) -> int:
    """Bytes from a peer on this machine that the owner of a port has not read yet."""
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if (_port(local), _port(remote)) == (port, peer):
            return int(queues.partition(":")[2], 16)
    return 0


def _port(address: str) -> int:
    return int(address.partition(":")[2], 16)


def _children(pid: int) -> Iterator[int]:
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return
    for task in tasks:
        try:
            yield from map(int, (task / "children").read_text().split())
        except FileNotFoundError:
            continue


def _number(status: str, field: str) -> int:
    for line in status.splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0
