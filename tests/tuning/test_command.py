"""``regkit tune``, by import path."""

from pathlib import Path
from typing import Any

import pytest

from lightning_regkit import cli
from lightning_regkit.tuning import _command
from lightning_regkit.tuning._progress import StepDone

HERE = "tests.tuning.support"
WORDS = ["tune", "--module", f"{HERE}:Net", "--data", f"{HERE}:Digits", "--accelerator", "cpu"]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Protocols that were made; their steps are not."""
    seen: list[Any] = []

    def run(self: Any, first: int | None = None, *, is_stubborn: bool = False) -> Any:
        seen.append((self, first, is_stubborn))
        yield StepDone(1, "initial loss", "healthy", "Fine.", {})
        yield StepDone(2, "overfit", "frozen", "Frozen.", {})

    monkeypatch.setattr("lightning_regkit.tuning._protocol.Protocol.run", run)
    monkeypatch.setattr("lightning_regkit.tuning._protocol.Protocol.start", lambda *_, **__: 1)
    return seen


def test_what_is_told_arrives(tmp_path: Path, made: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    further = [
        "--module-arg",
        "lr=0.5",
        "--data-arg",
        "val_from=1200",
        "--coarse-trials",
        "4",
        "--sampler",
        "tpe",
        "--anyway",
    ]
    with pytest.raises(SystemExit, match="mend this"):
        cli.main([*WORDS, "--out", str(tmp_path), *further, "--seed", "3"])
    protocol, first, is_stubborn = made[0]
    assert (protocol.module().lr, protocol.data.val_from) == (0.5, 1200)
    assert (protocol.coarse.num_trials, protocol.coarse.name, protocol.refined.sampler) == (4, "4_coarse", "tpe")
    assert (protocol.setup.folder, protocol.setup.seed, first, is_stubborn) == (tmp_path, 3, None, True)
    said = "1 initial loss: healthy\n  Fine.\n2 overfit: frozen\n  Frozen.\n"
    assert capsys.readouterr().out == f"{said}{tmp_path}\n"


def test_a_fault_ends_with_a_sentence(tmp_path: Path, made: list[Any]) -> None:
    text = r"^tune: mend this, then pass --continue; or go on all the same with --continue --anyway\.$"
    with pytest.raises(SystemExit, match=text):
        cli.main([*WORDS[:3], "--out", str(tmp_path), "--from", "2"])
    assert (made[0][0].data, made[0][1]) == (None, 2)


def test_a_folder_that_was_begun_is_gone_on_with_on_request(tmp_path: Path, made: list[Any]) -> None:
    (tmp_path / "protocol.json").write_text("[]")
    with pytest.raises(
        SystemExit, match=r"^tune: --out must be a new folder, got .* Pass --continue or --from STEP\.$"
    ):
        cli.main([*WORDS, "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="mend this"):
        cli.main([*WORDS, "--out", str(tmp_path), "--continue"])
    assert len(made) == 1


@pytest.mark.parametrize("steps", [[], [7]])
def test_the_end_is_no_fault(
    tmp_path: Path, made: list[Any], monkeypatch: pytest.MonkeyPatch, steps: list[int]
) -> None:
    done = [StepDone(step, "next", "healthy", "There.", {}) for step in steps]
    monkeypatch.setattr("lightning_regkit.tuning._protocol.Protocol.run", lambda *_, **__: iter(done))
    cli.main([*WORDS, "--out", str(tmp_path)])


def test_a_first_step_that_cannot_be_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(
        SystemExit, match=r"^tuning\.Protocol: first must be at most 1, the first that was not made, got 3\.$"
    ):
        cli.main([*WORDS, "--out", str(tmp_path), "--from", "3"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["tests.tuning.support", "tests.tuning.support:Nothing", "no.such:Class", ":Class"])
def test_what_cannot_be_imported_is_said(path: str) -> None:
    with pytest.raises(SystemExit, match=r"^tune: --module must be importable as pkg\.mod:Class, got '"):
        cli.main(["tune", "--module", path])


def test_arguments_are_literals_or_texts() -> None:
    words = ["a=1", "b=0.5", "c=resnet18", "d=[1, 2]", "e=None", "f=x=y", "g="]
    assert _command.given("module", words) == {
        "a": 1,
        "b": 0.5,
        "c": "resnet18",
        "d": [1, 2],
        "e": None,
        "f": "x=y",
        "g": "",
    }
    with pytest.raises(SystemExit, match=r"^tune: --data-arg must be NAME=VALUE, got 'a'\.$"):
        cli.main([*WORDS, "--data-arg", "a"])
