"""The curve of an evaluation: loaders apart, targets where they are."""

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_regkit._lightning import Keys
from lightning_regkit.callbacks._ensemble_curve import EnsembleCurve
from lightning_regkit.ensemble import tally
from lightning_regkit.errors import BatchLayoutError
from tests.support import Classifier, trainer

LOGITS = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([0, 1, 2, 0])


class Logs:
    """Stands for a module in an evaluation."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def log_dict(self, values: dict[str, float], **_: Any) -> None:
        self.values.update(values)


def test_batches_of_each_loader_are_added_up() -> None:
    curve, logs = EnsembleCurve(Keys("Ours")), Logs()
    inputs = torch.zeros(2, 1)
    for rows in (slice(0, 2), slice(2, 4)):
        curve.add((inputs, TARGETS[rows]), LOGITS[:, rows], 0)
    curve.add({"images": inputs, "labels": TARGETS[:2]}, LOGITS[:, :2], 1)
    found = curve.finish(trainer(), logs)
    assert found[0] == tally(LOGITS, TARGETS).rows()
    assert found[1] == tally(LOGITS[:, :2], TARGETS[:2]).rows()
    assert logs.values["ensemble/accuracy_last_2/dataloader_idx_1"] == found[1][1].accuracy
    assert len(logs.values) == 2 * 2 * 3


def test_one_loader_has_no_suffix_and_anew_is_empty() -> None:
    curve, logs = EnsembleCurve(Keys("Ours")), Logs()
    curve.add((torch.zeros(4, 1), TARGETS), LOGITS, 0)
    curve.finish(trainer(), logs)
    assert sorted(logs.values) == sorted(f"ensemble/{n}_last_{m}" for n in ("accuracy", "nll", "ece") for m in (1, 2))
    assert curve.anew().finish(trainer(), logs) == {}


@pytest.mark.parametrize(
    ("batch", "kind", "text"),
    [
        (torch.zeros(4, 1), BatchLayoutError, "Ours: batch must hold inputs and targets, got Tensor"),
        ((torch.zeros(4, 1), torch.zeros(4)), TypeError, "ensemble.tally: targets must hold classes as integers"),
    ],
)
def test_batches_without_classes_are_refused(batch: Tensor, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        EnsembleCurve(Keys("Ours")).add(batch, LOGITS, 0)


def test_maps_have_no_curve() -> None:
    with pytest.raises(ValueError, match="Ours") as refused:
        EnsembleCurve(Keys("Ours")).add((torch.zeros(4, 1), TARGETS), LOGITS[..., None, None], 0)
    assert str(refused.value) == (
        "Ours: scores must be of shape (B, K) for the curve, got (4, 3, 1, 1). Pass curve=False."
    )


def test_the_module_of_the_tests_logs_as_the_stand_in_does() -> None:
    assert callable(Classifier().log_dict)
