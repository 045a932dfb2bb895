"""Root folders in which the steps of a Dockerfile are carried out, as a builder does it.

The base image is stood in for by what it is made of: a shell, a few programs, and Python, taken
from this machine with the libraries they need. No compiler is among them.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from image.dockerfile import ROOT, Stage, Step, context_files, ignore_rules

PROGRAMS = ("sh", "install", "useradd", "cat", "ls")
LIBRARIES = (
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libresolv.so.2",
    "libstdc++.so.6",
    "libgcc_s.so.1",
)
"""Of the C and C++ libraries what wheels may expect on any Linux (manylinux)."""
MERGED = ("bin", "sbin", "lib", "lib64")
"""Links to the folders of these names in /usr."""
OF_THE_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl")
"""What a builder gives a step to reach package registries by."""
PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"


def why_not() -> str | None:
    """Why no step can be carried out on this machine; ``None`` when it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs Linux and root, to mount and to change the root"
    if missing := [each for each in ("unshare", "chroot", *PROGRAMS) if not shutil.which(each)]:
        return f"needs the programs {', '.join(missing)}"
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        check=False,
    )
    return None if done.returncode == 0 else "this machine's sandbox permits no mounts"


@dataclass
class Image:
    """A root folder and what the instructions have said of how to run in it."""

    root: Path
    environ: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    user: str = "0:0"
    workdir: str = "/"
    volumes: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / os.path.normpath(os.path.join(self.workdir, inside)).lstrip("/")

    def command(
        self, words: Sequence[str], mounts: Iterable[str] = (), *, read_only: bool = False
    ) -> list[str]:
        """The command line that runs the words inside, as process 1 of a namespace of its own."""
        at = shlex.quote(str(self.root))
        lines = ["set -e", f"mount --bind {at} {at}"]
        lines += [f"mount --bind -o ro {shlex.quote(source)} {at}{source}" for source in mounts]
        lines += [f"mount --rbind /dev {at}/dev", f"mount -t proc proc {at}/proc"]
        if read_only:
            options = f"mode=700,{self._owner()}"
            lines.append(f"mount -o remount,ro,bind {at}")
            lines += [f"mount -t tmpfs -o {options} none {at}{each}" for each in self.volumes]
        environ = [f"{name}={value}" for name, value in self.environ.items()]
        inner = ["/bin/sh", "-c", f'cd {shlex.quote(self.workdir)} && exec "$@"', "sh", *words]
        enter = ["chroot", f"--userspec={self.user}", str(self.root), *inner]
        lines.append(f"exec env -i {shlex.join([*environ, *enter])}")
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*own, "sh", "-c", "\n".join(lines)]

    def _owner(self) -> str:
        uid, gid = self.user.split(":")
        return f"uid={uid},gid={gid}"


def carry_out(stages: Sequence[Stage], base: Path, folder: Path) -> Image:
    """The image of the last stage, all of them over the same ``base`` root."""
    made: dict[str, Image] = {}
    for number, stage in enumerate(stages):
        root = folder / f"stage{number}"
        subprocess.run(["cp", "-a", str(base), str(root)], check=True)
        made[stage.name or ""] = image = Image(root)
        for step in stage.steps:
            _carry_out(step, image, made)
    return image


def _carry_out(step: Step, image: Image, made: Mapping[str, Image]) -> None:
    match step.name:
        case "WORKDIR":
            image.workdir = step.value
            image.path(".").mkdir(parents=True, exist_ok=True)
        case "USER":
            image.user = step.value
        case "VOLUME":
            image.volumes += step.words()
        case "ENV":
            for word in step.words():
                name, _, value = word.partition("=")
                image.environ[name] = value.replace("$PATH", image.environ["PATH"])
        case "RUN":
            _run(step.value, image)
        case "COPY":
            _copy(step.words(), image, made)
        case "LABEL" | "EXPOSE" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
            pass  # nothing is done while building
        case _:
            raise NotImplementedError(step.name)


def _run(script: str, image: Image) -> None:
    settings = pip_settings()
    mounts = [each for each in (*OF_THE_MACHINE, *_places(settings)) if Path(each).exists()]
    for each in mounts:
        place = image.root / each.lstrip("/")
        if Path(each).is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    building = Image(image.root, {**image.environ, **settings}, image.user, image.workdir)
    done = subprocess.run(
        building.command(["/bin/sh", "-c", script], mounts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"RUN {script}\n{done.stdout}{done.stderr}"


def _copy(words: Sequence[str], image: Image, made: Mapping[str, Image]) -> None:
    options = [word for word in words if word.startswith("--")]
    *sources, target = [word for word in words if word not in options]
    into = image.path(target)
    for option in options:
        stage = made[option.removeprefix("--from=")]
        for source in sources:
            subprocess.run(["cp", "-a", str(stage.path(source)), str(into)], check=True)
    if options:
        return
    for file in context_files(ROOT, ignore_rules()):
        name = file.relative_to(ROOT)
        for source in sources:
            if name == Path(source):
                place = into / name if target.endswith("/") else into
            elif name.parts[0] == source:
                place = into / name.relative_to(source)
            else:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)


def pip_settings() -> dict[str, str]:
    """How pip is set up here, as environment variables."""
    found = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    for name, value in re.findall(r"^global\.([\w-]+)='(.*)'$", listed.stdout, re.M):
        found.setdefault(f"PIP_{name.replace('-', '_').upper()}", value.replace("\\n", " "))
    return found


def _places(settings: Mapping[str, str]) -> Iterator[str]:
    """Places on this machine that pip's settings name; what an index links to lies beside it."""
    for word in " ".join(settings.values()).split():
        path = word.removeprefix("file://").removesuffix("/simple")
        if path.startswith("/") and Path(path).exists():
            yield path


# --- The base image ---------------------------------------------------------------------------


def base_root(root: Path, version: str) -> Path:
    """A root with the programs and a Python, of that version if this machine has it."""
    for name in ("usr/local", "etc", "dev", "proc", "tmp", "root"):
        (root / name).mkdir(parents=True)
    for name in MERGED:
        (root / "usr" / name).mkdir(exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    shutil.copy("/etc/login.defs", root / "etc")
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None
        shutil.copy(found, root / "usr/bin" / name)
        _add_libraries(root, [found])
    _add_runtime(root)
    _add_python(root, _python(version))
    return root


def _python(version: str) -> Path:
    """Where a Python is installed."""
    asked = [f"python{version}", "-c", "import sys; print(sys.base_prefix)"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        told = sys.base_prefix
    return Path(told)


def _add_python(root: Path, prefix: Path) -> None:
    local = root / "usr/local"
    (folder,) = (each for each in (prefix / "lib").glob("python3.*") if (each / "os.py").exists())
    shutil.copytree(folder, local / "lib" / folder.name, ignore=_left_out, symlinks=True)
    (local / "bin").mkdir()
    program = local / "bin" / folder.name
    shutil.copy(prefix / "bin" / folder.name, program)
    for name in ("python", "python3"):
        (local / "bin" / name).symlink_to(folder.name)
    _add_libraries(root, [prefix / "bin" / folder.name, *folder.glob("lib-dynload/*.so")])


def _add_runtime(root: Path) -> None:
    cached = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for name in LIBRARIES:
        found = re.search(rf"^\s+{re.escape(name)} .*=> (\S+)$", cached, re.M)
        assert found is not None, name
        shutil.copy(found[1], root / "usr/lib" / name)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Of Python's library what nothing needs, and of what was installed all but pip."""
    if Path(folder).name == "site-packages":
        return {name for name in names if not name.startswith("pip")}
    return shutil.ignore_patterns("__pycache__", "test", "idlelib", "config-*", "*.a")(
        folder, names
    )


def _add_libraries(root: Path, programs: Sequence[str | Path]) -> None:
    """Copy the shared libraries that the programs are linked with to where they are looked for."""
    told = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=False
    ).stdout
    for path in set(re.findall(r"(?:=> |^\s+)(/\S+) \(", told, re.M)):
        inside = path if re.match(r"/(usr/)?lib", path) else f"/usr/lib/{Path(path).name}"
        place = root / inside.lstrip("/")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
