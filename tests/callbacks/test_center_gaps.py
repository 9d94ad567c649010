import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lightning_regkit.callbacks._center_gaps import logged_gaps

LOGGED = {"train_loss": torch.tensor(0.5), "val_loss": torch.tensor(0.75), "train_acc": torch.tensor(1.0), "lr": 0.1}


def run(metrics: dict[str, Any] | None = None, *, is_global_zero: bool = True) -> Any:
    return SimpleNamespace(callback_metrics=LOGGED if metrics is None else metrics, is_global_zero=is_global_zero)


def test_what_is_logged_for_both_has_a_gap() -> None:
    assert logged_gaps(run(), None) == {"gap/loss": 0.25}


def test_named_pairs_have_theirs() -> None:
    assert logged_gaps(run(), {"it": ("val_loss", "train_acc")}) == {"gap/it": 0.25}


@pytest.mark.parametrize(
    ("metrics", "missing", "logged"),
    [
        (LOGGED, ["train_los", "val_lss"], "lr, train_acc, train_loss, val_loss"),
        ({}, ["train_los", "val_lss"], "none"),
    ],
)
def test_names_that_are_not_logged_are_refused(metrics: dict[str, Any], missing: list[str], logged: str) -> None:
    pairs = {"it": ("train_los", "val_lss")}
    text = f"CommandCenter: gaps must name metrics that are logged, got {missing}. Logged are: {logged}."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        logged_gaps(run(metrics), pairs)
    # Another process may lack what is logged on rank 0 alone.
    assert logged_gaps(run(metrics, is_global_zero=False), pairs) == {}
