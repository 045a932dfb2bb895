"""An installed plugin that fails wherever a facilitator can, for ``facilitator serve``."""

import textwrap
from pathlib import Path

PLUGIN = """
    import os, threading
    from facilitator import hookimpl
    from facilitator_devnet.devnet import Devnet

    TEXT = "could not use " + os.environ.get("FAULTY_TEXT", "it")

    def fail():
        raise LookupError(TEXT)

    class Request:
        def on_get(self, req, resp, kind):
            fail()

    class Thread:
        def on_get(self, req, resp):
            threading.Thread(target=fail, name="errand").start()
            resp.media = {}

    @hookimpl
    def routes():
        return {"/fault/{kind}": Request(), "/thread": Thread()}

    @hookimpl
    def startup():
        blocks_after = Devnet.blocks_after

        def fail_once(self, point):
            Devnet.blocks_after = blocks_after
            fail()

        Devnet.blocks_after = fail_once
"""
"""``/fault/…`` fails, ``/thread`` starts a thread that fails, and following a devnet fails once;
each time with the environment variable ``FAULTY_TEXT`` in its mouth."""


def install_faulty(folder: Path) -> str:
    """Install it as ``faulty`` into a folder to put on ``PYTHONPATH``, which is returned."""
    package = folder / "site"
    (package / "faulty-1.dist-info").mkdir(parents=True)
    (package / "faulty.py").write_text(textwrap.dedent(PLUGIN))
    (package / "faulty-1.dist-info/METADATA").write_text("Name: faulty\nVersion: 1\n")
    (package / "faulty-1.dist-info/entry_points.txt").write_text(
        "[facilitator.plugins]\nfaulty = faulty\n"
    )
    return str(package)
