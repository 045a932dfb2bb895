"""An image run as Docker runs it: only its root to read, only its volumes to write."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from facilitator.testing.waiting import eventually


@dataclass(frozen=True)
class Image:
    """A root folder, and what the image says of how to run in it."""

    root: Path
    environ: dict[str, str]
    user: str
    workdir: str
    volumes: Sequence[str]
    command: Sequence[str]

    def with_environ(self, **environ: str) -> "Image":
        """Return the image with further variables."""
        return replace(self, environ={**self.environ, **environ})

    def words(self, inner: Sequence[str], data: Path | None = None) -> list[str]:
        """Return the command line that runs the words as process 1 of a namespace of its own.

        ``data`` takes the place of each volume; without it they are empty and go with the process.
        """
        at = shlex.quote(str(self.root))
        lines = ["set -e", f"mount --bind {at} {at}"]
        lines += [f"mount --rbind /dev {at}/dev", f"mount -t proc proc {at}/proc"]
        lines += [f"mount -o remount,ro,bind {at}"]
        for volume in self.volumes:
            owner = "uid={},gid={}".format(*self.user.split(":"))
            empty = f"mount -t tmpfs -o mode=700,{owner} none {at}{volume}"
            lines.append(f"mount --bind {shlex.quote(str(data))} {at}{volume}" if data else empty)
        environ = [f"{name}={value}" for name, value in self.environ.items()]
        shell = ["/bin/sh", "-c", f'cd {shlex.quote(self.workdir)} && exec "$@"', "sh", *inner]
        enter = ["chroot", f"--userspec={self.user}", str(self.root), *shell]
        lines.append(f"exec env -i {shlex.join([*environ, *enter])}")
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*own, "sh", "-c", "\n".join(lines)]


@dataclass(frozen=True)
class Container:
    """A running image."""

    process: "subprocess.Popen[str]"
    pid: int
    """Of its process 1, outside."""
    log: Path

    def stop(self) -> int:
        """Send SIGTERM, as ``docker stop`` does; return the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(120)


@contextmanager
def running(image: Image, folder: Path, data: Path | None = None) -> Iterator[Container]:
    """Run what the image runs by itself; its log goes to a file in ``folder``."""
    log = folder / "log"
    with log.open("w") as file:
        command = image.words(image.command, data)
        process = subprocess.Popen(command, stderr=file, text=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    eventually(lambda: children.read_text())
    container = Container(process, int(children.read_text().split()[0]), log)
    try:
        yield container
    finally:
        if process.poll() is None:  # its end is that of the namespace, and of unshare
            os.kill(container.pid, signal.SIGKILL)
        process.wait()
