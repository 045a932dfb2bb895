"""The image as Buildah builds it from the Dockerfile.

The base image is stood in for by ``roots.base_root``, since none can be fetched everywhere. What a
builder needs to reach the package index from here is mounted while it builds.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from image.containers import Image
from image.dockerfile import DOCKERFILE, IGNORED, ROOT

BASE = "localhost/base"
BUILT = "localhost/x402-cardano-facilitator"
FOR_THE_NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl")


def why_not() -> str | None:
    """Why no image can be built on this machine; ``None`` when it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs Linux and root, to mount and to change the root"
    if missing := [each for each in ("buildah", "unshare", "chroot") if not shutil.which(each)]:
        return f"needs the programs {', '.join(missing)}"
    tried = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"]
    done = subprocess.run(tried, capture_output=True, check=False)
    return None if done.returncode == 0 else "this machine's sandbox permits no mounts"


class Builder:
    """Buildah with images and containers of its own, in memory, below an empty folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], check=True)
        self._options = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"))

    def import_base(self, root: Path) -> None:
        """Make an image of a root folder."""
        file = self._folder / "Base"
        file.write_text("FROM scratch\nCOPY . /\n")
        self._bud("--file", str(file), "--tag", BASE, str(root))

    def build(self, **arguments: str) -> None:
        """Build the image over the imported base; the arguments are those of the Dockerfile."""
        words = [word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))]
        (self._folder / "pip.conf").write_text(pip_conf())
        words += [f"--volume={self._folder}/pip.conf:/etc/pip.conf:ro"]
        words += [f"--volume={each}:{each}:ro" for each in (*FOR_THE_NETWORK, *_places())]
        self._bud(
            "--from", BASE, "--file", str(DOCKERFILE), "--ignorefile", str(IGNORED),
            "--tag", BUILT, *words, str(ROOT),
        )  # fmt: skip

    def context(self, folder: Path) -> Path:
        """Return a root that holds what a builder is given of the folder."""
        file = self._folder / "Context"
        file.write_text("FROM scratch\nCOPY . /\n")
        tag = "localhost/context"
        words = ["--ignorefile", str(IGNORED), "--tag", tag, str(folder)]
        self._bud("--file", str(file), *words)
        return self._mounted(tag)

    def config(self) -> dict[str, Any]:
        """Return what the image says of itself, in Docker's form."""
        told = json.loads(self._run("inspect", "--type", "image", BUILT))
        return dict(told["Docker"]["config"])

    def image(self) -> Image:
        """Return the built image, to be run."""
        config = self.config()
        return Image(
            root=self._mounted(BUILT),
            environ=dict(each.split("=", 1) for each in config["Env"]),
            user=config["User"],
            workdir=config["WorkingDir"],
            volumes=tuple(config["Volumes"]),
            command=(*config["Entrypoint"], *config["Cmd"]),
        )

    def close(self) -> None:
        """Forget everything."""
        subprocess.run(["umount", "--recursive", str(self._folder)], check=True)

    def _bud(self, *words: str) -> None:
        self._run("bud", "--isolation", "chroot", "--format", "docker", *words)

    def _mounted(self, tag: str) -> Path:
        container = self._run("from", "--pull-never", tag).strip()
        return Path(self._run("mount", container).strip())

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            ["buildah", *self._options, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
        return done.stdout


def pip_settings() -> Mapping[str, str]:
    """Where pip looks for packages here, by the names of its settings."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    found = dict(re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", listed.stdout, re.M))
    names = ("cert", "index-url", "extra-index-url", "find-links", "trusted-host")
    return {name: found[name].replace("\\n", " ") for name in names if name in found}


def pip_conf() -> str:
    """The same as a file that pip reads."""
    lines = [f"{name} = {value}" for name, value in pip_settings().items()]
    return "\n".join(["[global]", "progress-bar = off", *lines, ""])


def _places() -> Iterator[str]:
    """Yield folders here that pip looks into; what an index links to lies beside it."""
    for word in " ".join(pip_settings().values()).split():
        path = word.removeprefix("file://").removesuffix("/simple")
        if path.startswith("/") and Path(path).is_dir():
            yield path
