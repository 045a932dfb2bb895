"""``facilitator completion``: what Tab offers, as a real bash does it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from facilitator.cli import COMMANDS, main


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FACILITATOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


OFFERED = """
COMP_WORDS=({words} '{last}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ :; }}
_shtab_facilitator facilitator '{last}' "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("facilitator se", {"serve", "settings"}),
        ("facilitator sam", {"sample-payment"}),
        ("facilitator serve --p", {"--port"}),
        ("facilitator payments re", {"reconcile", "refusals"}),
        ("facilitator sample-payment --wallet ", {"alice", "bob", "carol", "merchant"}),
        ("facilitator serve --settings ot", {"other.toml"}),
        ("facilitator pay --ch", {"--channel"}),
        ("facilitator keys re", {"revoke"}),
        ("facilitator channels wi", {"withdraw"}),
        ("facilitator help pa", {"pay", "payments"}),
    ],
)
def test_bash_offers(
    line: str,
    offered: set[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FACILITATOR_PLUGINS", "devnet,sqlite,channels")
    (tmp_path / "other.toml").touch()
    words, last = line.rsplit(" ", 1)
    done = subprocess.run(
        ["bash", "-c", script("bash", capsys) + OFFERED.format(words=words, last=last)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    for name in (*COMMANDS, "demo", "devnet", "sample-payment"):
        assert name in text
    assert "compare settled payments with the chain" in text


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["completion", "fsh"])
    assert "there is no 'fsh', did you mean fish?" in capsys.readouterr().err
