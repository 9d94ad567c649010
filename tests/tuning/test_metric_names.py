"""Curves are found by the words of their names."""

import pytest

from lightning_regkit.tuning._metric_names import curve_names


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ([], {}),
        (
            ["val_loss", "val_acc", "train_acc"],
            {"val_loss": "val_loss", "train_acc": "train_acc", "val_acc": "val_acc"},
        ),
        (["Loss/valid", "acc1-validation"], {"val_loss": "Loss/valid", "val_acc": "acc1-validation"}),
        (["train_acc_step", "train_acc_epoch"], {"train_acc": "train_acc_epoch"}),
        (["val_loss/dataloader_idx_0", "val_loss/dataloader_idx_1"], {"val_loss": "val_loss/dataloader_idx_0"}),
        (["a/val_acc", "val_acc", "val/acc"], {"val_acc": "val_acc"}),
        (
            ["val/acc_top1", "val/acc", "test_acc", "acc", "train_loss", "val_accuracies", "lossval"],
            {"val_acc": "val/acc"},
        ),
    ],
    ids=range(7),
)
def test_names(metrics: list[str], expected: dict[str, str]) -> None:
    assert curve_names(metrics) == expected
    assert curve_names(reversed(metrics)) == expected
