"""What ends up in the loggers of whole fits."""

import pickle
import re
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import pytorch_lightning as old
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.nn import functional

import lightning_regkit as rk
from lightning_regkit.callbacks import Mixup
from lightning_regkit.callbacks._command_center import CommandCenter
from lightning_regkit.errors import BatchLayoutError
from lightning_regkit.monitoring import image_sheet
from tests.callbacks.logged import Rows, TensorBoardLogger, WandbLogger, Watched
from tests.support import loader, trainer


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sheets that no logger takes are files."""
    monkeypatch.chdir(tmp_path)


def fit(*callbacks: pl.Callback, model: Any = None, logger: Any = None, **options: Any) -> Any:
    """Fit two epochs of five steps, of which every second is logged; return the logger."""
    rows = Rows() if logger is None else logger
    every = {"max_epochs": 2, "log_every_n_steps": 2, "logger": rows, **options}
    trainer(**every, callbacks=list(callbacks)).fit(model or Watched(), loader(), loader(4))
    return rows


def ours(rows: Rows, prefix: str = "center") -> list[tuple[int | None, dict[str, float]]]:
    return [(step, row) for step, row in rows.rows if any(name.startswith(f"{prefix}/") for name in row)]


def test_every_logging_step_and_every_epoch_has_a_row() -> None:
    rows = fit(CommandCenter())
    assert [step for step, _ in rows.of("center/lr")] == [1, 3, 5, 7, 9]
    assert rows.of("center/samples") == [(1, 4), (3, 8), (4, 10), (5, 12), (7, 16), (9, 20), (9, 20)]
    assert rows.column("center/epoch") == [0.4, 0.8, 1.0, 1.2, 1.6, 2.0, 2.0]
    seconds = rows.column("center/seconds")
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    expected = [one - other for one, other in zip(rows.column("val_loss"), rows.column("train_loss"), strict=True)]
    assert rows.of("center/gap/loss") == [(4, pytest.approx(expected[0])), (9, pytest.approx(expected[1]))]


def test_a_row_holds_all_that_there_is_to_watch() -> None:
    row = ours(fit(CommandCenter(per_layer=False)))[0][1]
    names = (
        "train_loss lr momentum weight_decay grad_norm dead saturated update_ratio samples_per_s wait_share samples"
        " epoch seconds"
    )
    assert [name.removeprefix("center/") for name in row] == names.split()
    more = ours(fit(CommandCenter()))[0][1].keys() - row.keys()
    assert "center/update_ratio/net.1.weight" in more
    assert len(more) == 5


@pytest.mark.parametrize(
    ("axis", "expected"),
    [("step", [1, 3, 5, 7, 9]), ("samples", [4, 8, 12, 16, 20]), ("epoch", [400, 800, 1200, 1600, 2000])],
)
def test_tensorboard_is_given_the_axis_and_others_the_step(axis: Any, expected: list[int]) -> None:
    board, plain = TensorBoardLogger(), Rows()
    fit(CommandCenter(x_axis=axis), logger=[board, plain])
    assert [step for step, _ in board.of("center/lr")] == expected
    assert [step for step, _ in plain.of("center/lr")] == [1, 3, 5, 7, 9]
    assert board.of("train_loss") == plain.of("train_loss")  # Lightning's own stay where they are
    assert board.of("center/lr") != [] == [row for row in board.column("center/lr") if row != 0.1]


def test_seconds_may_be_the_axis_too() -> None:
    board = fit(CommandCenter("seconds"), logger=TensorBoardLogger())
    assert [step for step, _ in board.of("center/lr")] == [int(value) for value in board.column("center/seconds")][
        :1
    ] * 5


@pytest.mark.parametrize(
    ("every", "steps"), [("1ep", [1, 5]), ("2ep", [1]), ("4step", [1, 5, 9]), (1, [1, 3, 5, 7, 9])]
)
def test_a_sheet_is_shown_so_often(every: int | str, steps: list[int]) -> None:
    wandb = fit(CommandCenter(images_every=every), logger=WandbLogger())
    assert [step for _, _, step, _ in wandb.images] == steps


def test_a_sheet_shows_the_images_as_training_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    model, wandb = Watched(), WandbLogger()
    # The mixing stands after it in the list.
    fit(CommandCenter(images=1), Mixup(alpha=1.0), model=model, logger=wandb)
    ((_, (pixels,), _, options), _) = wandb.images
    inputs, targets = model.seen[1]
    assert torch.equal(torch.from_numpy(pixels), image_sheet(inputs[:1]).permute(1, 2, 0))
    weights = [
        f"{label} ({weight:.2f})" for label, weight in zip(targets.labels[:, 0], targets.weights[:, 0], strict=True)
    ]
    (caption,) = options["caption"]
    assert caption.startswith("1: ")
    assert set(caption[3:].split(" + ")) == set(weights)
    assert len(weights) == 2


def test_no_sheets_are_made_where_none_are_asked_for_or_possible() -> None:
    assert fit(CommandCenter(images=0), logger=WandbLogger()).images == []

    class Flat(Watched):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return [batch[0].flatten(1), batch[1]]

    assert fit(CommandCenter(), model=Flat(), logger=WandbLogger()).images == []


def test_csv_files_hold_rows_and_lie_beside_the_sheets(tmp_path: Path) -> None:
    fit(CommandCenter(), logger=CSVLogger(tmp_path, name="runs"))
    folder = tmp_path / "runs" / "version_0"
    header, *lines = (folder / "metrics.csv").read_text().splitlines()
    column = header.split(",").index("center/samples")
    found = [line.split(",")[column] for line in lines]
    assert [float(cell) for cell in found if cell] == [4, 8, 10, 12, 16, 20, 20]
    names = [f"images-{step:08d}.{kind}" for step in (1, 5) for kind in ("png", "txt")]
    assert sorted(path.name for path in (folder / "center").iterdir()) == names


class Scored(Watched):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        logits = self(batch[0])
        self.log_dict({"valid/loss": functional.cross_entropy(logits, batch[1]), "val_acc": logits.mean()})


def test_gaps_are_those_that_are_named() -> None:
    rows = fit(CommandCenter(gaps={"mine": ("train_loss", "valid/loss")}), model=Scored())
    expected = [one - other for one, other in zip(rows.column("valid/loss"), rows.column("train_loss"), strict=True)]
    assert rows.column("center/gap/mine") == pytest.approx(expected)
    assert [name for _, row in ours(rows) for name in row if "gap" in name] == ["center/gap/mine"] * 2


def test_gaps_that_nothing_logs_are_refused() -> None:
    text = "CommandCenter: gaps must name metrics that are logged, got ['train_los']. Logged are: train_loss, val_loss."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        fit(CommandCenter(gaps={"loss": ("train_los", "val_loss")}))


class Late(Watched):
    """Logs what it has added up, when the epoch is over."""

    def on_train_epoch_end(self) -> None:
        self.log("train_accuracy", float(self.current_epoch + 1))

    def on_validation_epoch_end(self) -> None:
        self.log("val_accuracy", 10.0)


def test_what_the_module_logs_when_the_epoch_is_over_is_of_that_epoch() -> None:
    for gaps in (None, {"accuracy": ("train_accuracy", "val_accuracy")}):
        rows = fit(CommandCenter(gaps=gaps), model=Late())
        assert rows.of("center/gap/accuracy") == [(4, 9.0), (9, 8.0)]


def test_an_epoch_without_a_validation_has_no_gap() -> None:
    rows = fit(CommandCenter(), check_val_every_n_epoch=2, max_epochs=4)
    assert [step for step, _ in rows.of("center/gap/loss")] == [9, 19]


class Unpaired(Watched):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return functional.cross_entropy(self(batch[0]), batch[1])


def test_what_is_logged_for_one_alone_has_no_gap_and_makes_no_row() -> None:
    rows = fit(CommandCenter(), model=Unpaired())
    assert rows.column("val_loss")
    assert [step for step, _ in ours(rows)] == [1, 3, 5, 7, 9]


def test_without_a_validation_there_is_no_gap() -> None:
    rows = fit(CommandCenter(gaps={"loss": ("train_loss", "val_loss")}), limit_val_batches=0)
    assert not [name for _, row in ours(rows) for name in row if "gap" in name]


class Saves(pl.Callback):
    """Saves after the first epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 0:
            trainer.save_checkpoint(self.path)


def test_a_resumed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, rest, path = fit(CommandCenter(), Saves(tmp_path / "one.ckpt")), Rows(), tmp_path / "one.ckpt"
    run = trainer(max_epochs=2, log_every_n_steps=2, logger=rest, callbacks=[CommandCenter()])
    run.fit(Watched(), loader(), loader(4), ckpt_path=path, weights_only=True)
    for name in ("samples", "epoch", "train_loss", "grad_norm", "update_ratio", "dead", "lr"):
        found = whole.of(f"center/{name}")
        assert rest.of(f"center/{name}") == found[-len(rest.of(f"center/{name}")) :]
        assert len(rest.of(f"center/{name}")) in {3, 4}
    assert min(rest.column("center/seconds")) > whole.column("center/seconds")[2]


def test_two_of_them_coexist() -> None:
    rows = fit(CommandCenter(), CommandCenter("samples", "other", images=0))
    for name in ("samples", "train_loss", "grad_norm", "update_ratio", "dead", "saturated"):
        assert rows.of(f"center/{name}") == rows.of(f"other/{name}") != []


def test_an_evaluation_is_left_alone() -> None:
    rows = Rows()
    trainer(logger=rows, callbacks=[CommandCenter()]).validate(Watched(), loader(4), verbose=False)
    assert ours(rows) == []


def test_a_trial_logs_nothing() -> None:
    rows = Rows()
    trainer(fast_dev_run=True, logger=rows, callbacks=[CommandCenter()]).fit(Watched(), loader(), loader(4))
    assert rows.rows == []


def test_it_works_in_the_other_distribution() -> None:
    class Old(old.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.ReLU())

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    class OldRows(old.loggers.Logger):
        name, version = "rows", "0"

        def __init__(self) -> None:
            super().__init__()
            self.rows: list[Any] = []

        def log_metrics(self, metrics: Any, step: int | None = None) -> None:
            self.rows.append((step, metrics))

        def log_hyperparams(self, *_args: Any, **_kwargs: Any) -> None: ...

    rows = OldRows()
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    callbacks: Any = [CommandCenter(images=0)]
    old.Trainer(accelerator="cpu", max_epochs=1, logger=rows, log_every_n_steps=5, callbacks=callbacks, **quiet).fit(
        Old(), loader()
    )
    ((step, row),) = rows.rows
    assert step == 4
    assert {"center/dead/net.2", "center/grad_norm", "center/train_loss"} <= row.keys()


def test_a_pickled_twin_logs_the_same() -> None:
    center = CommandCenter(images=0)
    rows = [fit(each) for each in (center, pickle.loads(pickle.dumps(center)))]
    assert rows[0].of("center/train_loss") == rows[1].of("center/train_loss") != []


@pytest.mark.parametrize(
    ("callback", "options", "error", "text"),
    [
        (
            CommandCenter(),
            {"logger": False},
            ValueError,
            "logger must be there to log to, got False. Pass logger=True, or a list of loggers, to the Trainer.",
        ),
        (
            CommandCenter(inputs_key="pixels"),
            {},
            BatchLayoutError,
            "batch must hold an entry 'pixels', got list of ['Tensor', 'Tensor']. Pass inputs_key=.",
        ),
    ],
)
def test_runs_that_it_refuses(callback: CommandCenter, options: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'CommandCenter: {text}')}$"):
        fit(callback, **options)


def test_arguments_are_checked_when_it_is_made() -> None:
    with pytest.raises(ValueError, match=r"^CommandCenter: x_axis must be one of epoch, samples, seconds, step, got"):
        CommandCenter("time")


@pytest.mark.parametrize(
    ("logger", "names"), [([CSVLogger("."), Rows()], "CSVLogger, Rows"), (False, "no logger, which is refused")]
)
def test_it_says_what_it_would_do(logger: Any, names: str) -> None:
    run = trainer(max_epochs=1, logger=logger, log_every_n_steps=20, callbacks=[CommandCenter("samples")])
    text = rk.explain(run, Watched(), train_dataloaders=loader())
    assert text.splitlines()[1] == f"CommandCenter: logs every 20 steps to {names}, over samples"
