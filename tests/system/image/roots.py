"""The base image, stood in for by what it is made of: a shell, a few programs, and Python.

They are taken from this machine with the libraries they need. No compiler is among them.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

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


def base_root(root: Path, version: str) -> Path:
    """Make a root with the programs and a Python of that version."""
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
    prefix = find_python(version)
    assert prefix is not None
    _add_python(root, prefix)
    return root


def find_python(version: str) -> Path | None:
    """Return where this machine has a Python of that version."""
    asked = [f"python{version}", "-c", "import sys; print(sys.base_prefix)"]
    try:
        return Path(
            subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        )
    except (OSError, subprocess.CalledProcessError):
        return None


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
    return shutil.ignore_patterns("test", "idlelib", "config-*", "*.a")(folder, names)


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
