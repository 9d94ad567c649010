"""``regkit tune``, by import path."""

from pathlib import Path
from typing import Any

import pytest

from lightning_regkit import cli
from lightning_regkit.tuning import Among, Between
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


def test_callbacks_and_spaces_arrive(tmp_path: Path, made: list[Any]) -> None:
    words = ["--callback", "Mixup", "--callback-arg", "Mixup.per=sample", "--space", "Mixup.alpha=0.1..1"]
    words += ["--space", "optimizer=nesterov,adamw", "--space", "module.lr=0.1,0.2", "--no-pruning", "--repeats", "3"]
    with pytest.raises(SystemExit, match="mend this"):
        cli.main([*WORDS, "--out", str(tmp_path), *words])
    protocol = made[0][0]
    assert dict(protocol.space) == {
        "Mixup.alpha": Between(0.1, 1.0),
        "optimizer": Among(("nesterov", "adamw")),
        "module.lr": Among((0.1, 0.2)),
    }
    (mixup,) = [make(alpha=0.5) for make in protocol.setup.callbacks]
    assert (mixup.alpha, mixup.options.per) == (0.5, "sample")
    assert protocol.setup.repeats == 3
    assert not protocol.coarse.is_pruned
    assert not protocol.refined.is_pruned


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--space", "Mixop.alpha=1,2"], r"^tuning\.search: space must name a callback, got 'Mixop'"),
        (["--space", "Mixup.alphas=1,2"], r"unexpected keyword argument 'alphas'"),
        (["--space", "Mixup.alpha=-1,2"], r"^Mixup: alpha must be"),
        (["--space", "optimizer=adamv"], r"^optim\.describe: name must be a registered optimizer, got 'adamv'"),
        (["--space", "rate=1"], r"^tuning\.parse_space: space must be of lr,"),
        (["--callback", "Mixop"], r"^tune: --callback must be importable"),
        (["--callback-arg", "Mixup.alpha=1"], r"^tune: --callback-arg must be CALLBACK\.NAME=VALUE of a --callback"),
    ],
    ids=range(7),
)
def test_a_space_without_a_place_is_said_before_anything_is_done(tmp_path: Path, words: list[str], text: str) -> None:
    with pytest.raises(SystemExit, match=text):
        cli.main([*WORDS, "--out", str(tmp_path), *words])
    assert list(tmp_path.iterdir()) == []
