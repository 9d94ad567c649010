"""Mixup in real fits: what the step receives, and that runs repeat and resume."""

import math
import re
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Plan
from lightning_regkit._random import StreamKey, generator
from lightning_regkit.callbacks import Mixup
from lightning_regkit.errors import BatchLayoutError
from lightning_regkit.mixing import MixedTarget, draw_mixup
from lightning_regkit.schedules import Linear, Scaled
from tests.support import NUM_CLASSES, Classifier, Items, Validated, images, loader, trainer

SEED = 7
BATCH_SIZE = 5
REMEDY = "The paper uses 0.1 to 0.4 on ImageNet; to mix nothing, leave mixup out."


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", str(SEED))


def drawn(alpha: float, *, epoch: int = 0, batch_idx: int = 0, occurrence: int = 0) -> tuple[float, Tensor]:
    """Return lam and the partners that this place of the run must have."""
    key = StreamKey(seed=SEED, rank=0, epoch=epoch, batch_idx=batch_idx, purpose="Mixup", occurrence=occurrence)
    draw = draw_mixup(BATCH_SIZE, alpha=alpha, generator=generator(key))
    return float(draw.lam[0]), torch.from_numpy(draw.partner)


def mixed(values: Tensor, lam: float, partner: Tensor) -> Tensor:
    return lam * values + (1 - lam) * values[partner]


def one_batch(batch: Any) -> DataLoader[Any]:
    return DataLoader(Items([batch]), batch_size=None)


class Named(Classifier):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step((batch["picture"], batch["kind"]), batch_idx)


def test_defaults() -> None:
    mixup = Mixup()
    options = mixup.options
    assert (mixup.alpha, options.per, options.probability, options.until) == (0.2, "batch", 1.0, None)
    assert (options.style.targets, options.inplace) == ("labels", False)


@pytest.mark.parametrize(
    ("mixup", "text"),
    [
        (Mixup(), "lam ~ Beta(0.2, 0.2)"),
        (Mixup(0.8, probability=0.5, until="0.9run"), "lam ~ Beta(0.8, 0.8), with probability 0.5, up to step 9"),
        (Mixup(per="sample", until="3step"), "lam ~ Beta(0.2, 0.2) for each example, up to step 3"),
        (
            Mixup(Scaled(Linear(), 0.4)),
            "lam ~ Beta(alpha, alpha), alpha by Scaled: x0.4 times "
            "(Linear: x1 at step 0, straight to x0 at step 10, the end of the run)",
        ),
    ],
)
def test_it_says_what_it_will_do(mixup: Mixup, text: str) -> None:
    plan = Plan(trainer(), [], [Horizon(total_steps=10, epoch_ends=(5, 10))])
    assert mixup.explain(plan) == f"every training batch is mixed with a permutation of itself, {text}"


@pytest.mark.parametrize(
    ("alpha", "error", "condition"),
    [
        ("high", TypeError, "be a positive number"),
        (None, TypeError, "be a positive number"),
        (0, ValueError, "be a positive number"),
        (-1.0, ValueError, "be a positive number"),
        (math.inf, ValueError, "be a positive number"),
        (0.001, ValueError, "be at least 0.01"),
    ],
)
def test_bad_alpha(alpha: Any, error: type[Exception], condition: str) -> None:
    text = f"Mixup: alpha must {condition}, got {alpha!r}. {REMEDY}"
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        Mixup(alpha)


def test_the_step_gets_mixed_inputs_and_both_labels() -> None:
    model = Classifier()
    trainer(max_epochs=2, callbacks=[Mixup(1.0)]).fit(model, loader(10, BATCH_SIZE))
    inputs, labels = images(10)
    assert len(model.seen) == 4
    for index, (seen, targets) in enumerate(model.seen):
        epoch, batch_idx = divmod(index, 2)
        lam, partner = drawn(1.0, epoch=epoch, batch_idx=batch_idx)
        here = slice(batch_idx * BATCH_SIZE, (batch_idx + 1) * BATCH_SIZE)
        torch.testing.assert_close(seen, mixed(inputs[here], lam, partner))
        assert not torch.equal(seen, inputs[here])
        assert isinstance(targets, MixedTarget)
        assert torch.equal(targets.labels, torch.stack([labels[here], labels[here][partner]]))
        torch.testing.assert_close(targets.weights, torch.tensor([[lam], [1 - lam]]).expand(2, BATCH_SIZE))


def test_a_metric_in_the_step_sees_the_dominant_label() -> None:
    class Metered(Classifier):
        def __init__(self) -> None:
            super().__init__()
            self.accuracy = MulticlassAccuracy(NUM_CLASSES, average="micro")
            self.hits: list[bool] = []

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            logits = self(batch[0])
            self.accuracy.update(logits, batch[1])
            self.hits += (logits.argmax(1) == batch[1].dominant).tolist()
            return functional.cross_entropy(logits, batch[1])

    model = Metered()
    trainer(max_epochs=3, callbacks=[Mixup(1.0)]).fit(model, loader(10, BATCH_SIZE))
    assert len(model.hits) == 30
    assert model.accuracy.compute().item() == pytest.approx(sum(model.hits) / 30)


def test_float_targets_are_mixed_linearly() -> None:
    class Regressor(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            self.seen.append(batch)
            return functional.mse_loss(self(batch[0]), batch[1])

    values = torch.arange(15.0).reshape(BATCH_SIZE, NUM_CLASSES)
    model = Regressor()
    trainer(max_epochs=1, callbacks=[Mixup(1.0)]).fit(model, one_batch([images(BATCH_SIZE)[0], values]))
    assert type(model.seen[0][1]) is Tensor
    torch.testing.assert_close(model.seen[0][1], mixed(values, *drawn(1.0)))


def test_keys_name_inputs_and_targets() -> None:
    inputs, labels = images(BATCH_SIZE)
    model = Named()
    mixup = Mixup(1.0, inputs_key="picture", targets_key="kind")
    trainer(max_epochs=1, callbacks=[mixup]).fit(model, one_batch({"picture": inputs, "kind": labels}))
    torch.testing.assert_close(model.seen[0][0], mixed(inputs, *drawn(1.0)))
    assert isinstance(model.seen[0][1], MixedTarget)


def test_a_batch_it_cannot_read() -> None:
    inputs, labels = images(BATCH_SIZE)
    text = (
        "Mixup: batch must hold inputs and targets, got dict with keys ['picture', 'kind']. "
        "Pass inputs_key= and targets_key=."
    )
    with pytest.raises(BatchLayoutError, match=f"^{re.escape(text)}$"):
        trainer(max_epochs=1, callbacks=[Mixup()]).fit(Named(), one_batch({"picture": inputs, "kind": labels}))


def test_two_mixups_mix_twice_with_draws_of_their_own() -> None:
    model = Classifier()
    trainer(max_epochs=1, callbacks=[Mixup(1.0), Mixup(1.0)]).fit(model, loader(BATCH_SIZE, BATCH_SIZE))
    inputs, labels = images(BATCH_SIZE)
    (lam, partner), (second_lam, second_partner) = drawn(1.0), drawn(1.0, occurrence=1)
    assert lam != second_lam
    seen, targets = model.seen[0]
    torch.testing.assert_close(seen, mixed(mixed(inputs, lam, partner), second_lam, second_partner))
    assert targets.labels.shape == targets.weights.shape == (4, BATCH_SIZE)
    one_hot = functional.one_hot(labels, NUM_CLASSES).float()
    soft = (functional.one_hot(targets.labels, NUM_CLASSES) * targets.weights[..., None]).sum(0)
    torch.testing.assert_close(soft, mixed(mixed(one_hot, lam, partner), second_lam, second_partner))
    assert len(model.rates) == 1


def weights_after(seed: int) -> Tensor:
    pl.seed_everything(seed, verbose=False)
    model = Classifier(momentum=0.9)
    trainer(max_epochs=2, callbacks=[Mixup()]).fit(model, loader(shuffle=True))
    return model.state_dict()["net.1.weight"]


def test_the_same_seed_gives_the_same_weights() -> None:
    assert torch.equal(weights_after(1), weights_after(1))
    assert not torch.equal(weights_after(1), weights_after(2))


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_a_resumed_run_ends_with_the_weights_of_the_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED")  # the checkpoint alone has the seed
    keep = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    whole = Classifier(momentum=0.9)
    trainer(max_epochs=3, callbacks=[Mixup(), keep], enable_checkpointing=True).fit(whole, loader())

    resumed = Classifier(momentum=0.9)
    path = tmp_path / "epoch=0.ckpt"
    trainer(max_epochs=3, callbacks=[Mixup()]).fit(resumed, loader(), ckpt_path=path, weights_only=True)
    assert len(resumed.rates) == 10
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


def test_validation_stays_clean() -> None:
    class Recorder(Validated):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.outputs.append(batch[0])
            assert type(batch[1]) is Tensor

    model = Recorder()
    trainer(max_epochs=1, num_sanity_val_steps=0, callbacks=[Mixup()]).fit(model, loader(), loader())
    assert torch.equal(torch.cat(model.outputs), images(10)[0])
