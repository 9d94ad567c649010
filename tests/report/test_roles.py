"""What names say, as Lightning, Keras, torch's examples and this package write them."""

import pytest

from lightning_regkit.report._roles import Average, Quantity, Role, Stage, average_of, role

TRAINING = (Stage.TRAINING, Quantity.LOSS)


@pytest.mark.parametrize(
    ("name", "stage", "quantity"),
    [
        ("train_loss", *TRAINING),
        ("train_loss_step", *TRAINING),
        ("loss", *TRAINING),
        ("Loss/train", *TRAINING),
        ("epoch_loss", *TRAINING),
        ("val_loss", Stage.VALIDATION, Quantity.LOSS),
        ("valid/loss", Stage.VALIDATION, Quantity.LOSS),
        ("Validation Loss", Stage.VALIDATION, Quantity.LOSS),
        ("eval-loss", Stage.VALIDATION, Quantity.LOSS),
        ("val_loss/dataloader_idx_0", Stage.VALIDATION, Quantity.LOSS),
        ("train_acc", Stage.TRAINING, Quantity.ACCURACY),
        ("accuracy", Stage.TRAINING, Quantity.ACCURACY),
        ("val_acc", Stage.VALIDATION, Quantity.ACCURACY),
        ("val/top1", Stage.VALIDATION, Quantity.ACCURACY),
        ("dev_accuracy", Stage.VALIDATION, Quantity.ACCURACY),
        ("test_acc", Stage.TEST, Quantity.ACCURACY),
        ("test_loss", Stage.TEST, Quantity.LOSS),
        ("lr", None, Quantity.RATE),
        ("lr-SGD", None, Quantity.RATE),
        ("lr-AdamW/pg2", None, Quantity.RATE),
        ("train/learning_rate", None, Quantity.RATE),
        ("lr-SGD-momentum", None, Quantity.MOMENTUM),
        ("lr-SGD/pg1-weight_decay", None, Quantity.WEIGHT_DECAY),
        ("center/lr/0", None, Quantity.RATE),
        ("center/momentum", None, Quantity.MOMENTUM),
        ("center/weight_decay/1", None, Quantity.WEIGHT_DECAY),
        ("center/train_loss", *TRAINING),
    ],
)
def test_names_of_many_writers(name: str, stage: Stage | None, quantity: Quantity) -> None:
    assert role(name) == Role(quantity, stage)


@pytest.mark.parametrize(
    "name",
    [
        *("epoch", "grad_norm", "lossless", "trainable", "val_f1", "valley", "clr", "learning", "momentum_encoder", ""),
        *("center/gap/loss", "center/update_ratio/lr_head.loss", "center/dead/acc", "center/grad_norm/momentum"),
    ],
)
def test_anything_else_has_no_role(name: str) -> None:
    assert role(name) is None


@pytest.mark.parametrize(
    ("name", "average"),
    [
        ("ensemble/accuracy_last_4", Average("ensemble", "accuracy", 4, None)),
        ("ensemble/ece_last_10/dataloader_idx_1", Average("ensemble", "ece", 10, 1)),
        ("multicrop/nll_50", Average("multicrop", "nll", 50, None)),
        ("multicrop/ms_2/dataloader_idx_0", Average("multicrop", "ms", 2, 0)),
    ],
)
def test_averages(name: str, average: Average) -> None:
    assert average_of(name) == average


@pytest.mark.parametrize("name", ["val_accuracy_4", "ensemble/size", "xensemble/nll_last_1", "multicrop/nll_1x"])
def test_anything_else_is_no_average(name: str) -> None:
    assert average_of(name) is None
