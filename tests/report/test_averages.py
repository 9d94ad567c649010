"""What averages at test logged, from real callbacks and over seeds."""

import math
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks import MultiCrop
from lightning_regkit.report import Group, Run, Series, group_by_seed, read_runs
from lightning_regkit.report._averages import averaged, title_of


def group(*runs: dict[str, float]) -> Group:
    made = tuple(
        Run(str(seed), {name: Series((1, 9), (9.0, value)) for name, value in run.items()})
        for seed, run in enumerate(runs)
    )
    return Group("a", made, tuple(run.name for run in made))


def test_the_last_values_are_collected_by_rising_count() -> None:
    names = {f"ensemble/nll_last_{count}": 1 / count for count in (10, 2, 1)}
    (found,) = averaged([group({"val_loss": 0.5, **names})])
    assert (found.group, found.kind, found.loader, found.measure) == (0, "ensemble", None, "nll")
    assert found.rows == ((1, 1.0, 0.0), (2, 0.5, 0.0), (10, 0.1, 0.0))


def test_measures_and_loaders_are_kept_apart() -> None:
    names = ("multicrop/ms_1", "multicrop/nll_1", "multicrop/nll_1/dataloader_idx_1")
    keys = [(each.group, each.measure, each.loader) for each in averaged([group({}), group(dict.fromkeys(names, 0.5))])]
    assert keys == [(1, "ms", None), (1, "nll", None), (1, "nll", 1)]


def test_seeds_have_a_mean_and_a_spread() -> None:
    name = "multicrop/accuracy_5"
    assert averaged([group({name: 0.5}, {name: 1.0}, {})])[0].rows[0] == pytest.approx((5, 0.75, math.sqrt(0.125)))


@pytest.mark.parametrize(("loader", "title"), [(None, "Views: nll"), (1, "Views: nll, loader 1")])
def test_titles(loader: int | None, title: str) -> None:
    assert title_of("multicrop", "nll", loader) == title


class Net(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))

    def test_step(self, batch: list[torch.Tensor]) -> None:
        self.layer(batch[0])


def test_what_multi_crop_logs_is_understood(tmp_path: Path) -> None:
    images = TensorDataset(torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 0, 1]))
    crops = MultiCrop("five", resize_px=[3], crop_px=2)
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(accelerator="cpu", logger=CSVLogger(tmp_path), callbacks=[crops], **quiet)
    trainer.test(Net(), DataLoader(images, batch_size=4), verbose=False)
    found = {each.measure: each.rows for each in averaged(group_by_seed(read_runs([tmp_path])))}
    assert set(found) == {"accuracy", "nll", "ms"}
    for row, accuracy, nll in zip(crops.curve, found["accuracy"], found["nll"], strict=True):
        assert accuracy == pytest.approx((row.num_views, row.accuracy, 0.0))
        assert nll == pytest.approx((row.num_views, row.nll, 0.0))
