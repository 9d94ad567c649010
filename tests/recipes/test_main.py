import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from recipes import __main__ as cli

pytestmark = pytest.mark.usefixtures("empty_directory")

ROOT = Path(__file__).parents[2]
YAMLS = sorted((ROOT / "recipes").rglob("*.yaml"))
#: Those whose data are there, and which take seconds.
DIGITS = [path for path in YAMLS if path.parent.name == "digits"]
REGULARIZED = str(ROOT / "recipes" / "digits" / "regularized.yaml")
FIRST_LINES = ("# Source: ", "# Target: ", "# Budget: ", "# Hardware: ", "# Our run: ")


def run(*words: str) -> None:
    quick = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    cli.main([*words, *quick])


def parsed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    with pytest.raises(SystemExit) as end:
        cli.main([*words, "--print_config"])
    assert end.value.code == 0
    return yaml.safe_load(capsys.readouterr().out)


def holds(config: Any, written: Any) -> bool:
    """Tell whether all that is written is there; classes go by their last name."""
    if isinstance(written, dict):
        return all(name in config and holds(config[name], value) for name, value in written.items())
    if isinstance(written, list):
        return len(config) == len(written) and all(map(holds, config, written))
    return bool(config == written or (isinstance(config, str) and config.split(".")[-1] == written))


def test_there_are_recipes() -> None:
    assert Path(REGULARIZED) in YAMLS


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_recipe_parses_and_keeps_its_values(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = yaml.safe_load(path.read_text())
    arguments = written["data"]["init_args"]
    root = ["--data.root=/somewhere"] if "root" in arguments else []
    config = parsed(capsys, "fit", "--config", str(path), *root)

    assert not {"optimizer", "lr_scheduler"} & set(config)  # those of LightningCLI would replace the model's
    if root:
        assert arguments["root"] != "/somewhere"
        arguments["root"] = "/somewhere"
    for part in ("model", "data", "trainer"):
        assert holds(config[part], written[part]), part


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_first_lines_state_source_target_budget_and_hardware(path: Path) -> None:
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]

    for start in FIRST_LINES:
        assert any(line.startswith(start) and len(line) > len(start) for line in comments), start


@pytest.mark.parametrize("path", DIGITS, ids=lambda path: path.stem)
def test_every_recipe_trains_then_tests_from_its_checkpoint(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("fit", "--config", str(path), "--trainer.max_epochs=1")

    (checkpoint,) = Path.cwd().rglob("*.ckpt")
    run("test", "--config", str(path), f"--ckpt_path={checkpoint}", "--trainer.logger=false")
    assert "test_acc" in capsys.readouterr().out


def test_predict_runs_again_in_the_same_directory() -> None:
    for _ in range(2):
        run("predict", "--config", REGULARIZED, "--trainer.logger=false", "--return_predictions=false")


def test_values_of_data_are_set_by_short_options(capsys: pytest.CaptureFixture[str]) -> None:
    config = parsed(capsys, "fit", "--config", REGULARIZED, "--data.train_size=50", "--model.optimizer.lr=0.5")

    assert config["data"]["init_args"]["train_size"] == 50
    assert config["model"]["optimizer"] == {"name": "momentum", "lr": 0.5, "weight_decay": 0.0005}


@pytest.mark.parametrize(
    "callback",
    [
        {"class_path": "SnapshotEnsemble", "init_args": {"num_cycles": 4, "dirpath": "members"}},
        {"class_path": "EnsembleCheckpoints", "init_args": {"paths": ["a.ckpt"]}},
        {"class_path": "MonteCarloDropout", "init_args": {"num_samples": 4}},
        {"class_path": "MultiCrop", "init_args": {"layout": "ten"}},
    ],
    ids=lambda callback: callback["class_path"],
)
def test_averages_at_test_can_be_named(
    callback: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = yaml.safe_load(Path(REGULARIZED).read_text())
    written["trainer"]["callbacks"] = [callback]
    path = tmp_path / "averaged.yaml"
    path.write_text(yaml.safe_dump(written))
    config = parsed(capsys, "fit", "--config", str(path))
    (found,) = config["trainer"]["callbacks"]
    assert found["class_path"].split(".")[-1] == callback["class_path"]
    assert found["init_args"].items() >= callback["init_args"].items()


def test_classes_go_by_their_full_name_too(capsys: pytest.CaptureFixture[str]) -> None:
    config = parsed(
        capsys, "fit", "--config", REGULARIZED, "--trainer.callbacks+=lightning_regkit.callbacks.Mixup",
        "--trainer.callbacks.alpha=0.7",
    )  # fmt: skip

    last = config["trainer"]["callbacks"][-1]
    assert (last["class_path"], last["init_args"]["alpha"]) == ("lightning_regkit.callbacks.Mixup", 0.7)


def test_own_subcommands_get_the_words_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setitem(cli.SUBCOMMANDS, "quickstart", seen.append)

    cli.main(["quickstart", "--seeds", "2"])

    assert seen == [["--seeds", "2"]]


def test_words_come_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setitem(cli.SUBCOMMANDS, "quickstart", seen.append)
    monkeypatch.setattr(sys, "argv", ["recipes", "quickstart", "--seeds", "2"])

    cli.main()

    assert seen == [["--seeds", "2"]]


def test_without_a_word_it_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert [name for name in (*cli.SUBCOMMANDS, "fit", "test") if name not in said] == []


def test_module_runs_as_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recipes", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "quickstart --help" in done.stdout
    assert "fit " in done.stdout
