"""A step whose mixed labels no loss consumed is refused, however it trains; a step that does not train is not."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit._lightning import Keys
from lightning_regkit.callbacks import Mixup
from lightning_regkit.callbacks._guarded_noise import GuardedNoise
from lightning_regkit.errors import UnmixedTargetsError
from tests.support import Classifier, loader, trainer

UNMIXED = (
    "Mixup: training_step must pass the batch's targets to a loss that mixes, got a loss that did not see them. Call a "
    "registered loss such as torch.nn.functional.cross_entropy on the targets as they come (mixing.register_loss adds "
    "yours), pass targets='probabilities' and give your loss (B, K) probabilities, or remove Mixup."
)
REFUSED = pytest.raises(UnmixedTargetsError, match=f"^{re.escape(UNMIXED)}$")


class Focal(Classifier):
    """Gathers log-probabilities itself, so that it trains on the dominant label only."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        inputs, targets = batch
        logp = functional.log_softmax(self(inputs), dim=1).gather(1, targets[:, None])
        return -((1 - logp.exp()) ** 2 * logp).mean()


class Detached(Classifier):
    """Shows the mixture to a loss that trains nothing, and trains on another."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        logits = self(batch[0])
        functional.cross_entropy(logits.detach(), batch[1])
        return logits.square().mean()


class Manual(Focal):
    """Trains as ``how`` says, on a loss that does not mix."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.how = how

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        is_raw = self.how.startswith("raw")
        optimizer: Any = self.optimizers(use_pl_optimizer=not is_raw)
        loss = super().training_step(batch, batch_idx)
        if self.how == "closure":
            optimizer.step(closure=lambda: self.manual_backward(loss))
        elif self.how == "no step":
            self.manual_backward(loss)
        elif self.how == "no backward":
            optimizer.step()
        elif self.how != "neither":
            loss.backward() if is_raw or self.how == "backward" else self.manual_backward(loss)
            optimizer.step()


class Adversarial(Classifier):
    """Two optimizers; the first step of every batch uses no labels, the second does if asked to."""

    def __init__(self, *, uses_labels: bool, is_raw: bool = False) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.uses_labels, self.is_raw = uses_labels, is_raw
        self.generator_net = nn.Linear(2, 16)

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(part.parameters(), lr=0.1) for part in (self.generator_net, self.net)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizers: Any = self.optimizers(use_pl_optimizer=not self.is_raw)
        generator, discriminator = optimizers
        fake = self.generator_net(torch.ones(len(batch[0]), 2))
        self._descend(generator, self.net[1](fake).square().mean())
        logits = self(batch[0])
        loss = functional.cross_entropy(logits, batch[1]) if self.uses_labels else logits.square().mean()
        self._descend(discriminator, loss)

    def _descend(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward() if self.is_raw else self.manual_backward(loss)
        optimizer.step()


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        GuardedNoise(Keys("Noise"))  # type: ignore[abstract]


@pytest.mark.parametrize("kind", [Focal, Detached])
@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2}, {"gradient_clip_val": 1.0}], ids=str)
def test_automatic_optimization_is_stopped_before_its_first_step(kind: Any, options: dict[str, Any]) -> None:
    model = kind()
    before = model.net[1].weight.detach().clone()
    with REFUSED:
        trainer(max_epochs=1, callbacks=[Mixup()], **options).fit(model, loader())
    assert torch.equal(model.net[1].weight, before)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("how", ["manual_backward", "backward", "raw", "closure", "no step", "no backward"])
def test_manual_optimization_is_stopped_in_its_first_batch(how: str) -> None:
    model = Manual(how)
    with REFUSED:
        trainer(max_epochs=1, callbacks=[Mixup()]).fit(model, loader())
    assert len(model.rates) == (how != "no step")


def test_manual_optimization_that_does_not_train_is_exempt() -> None:
    trainer(max_epochs=1, callbacks=[Mixup()]).fit(Manual("neither"), loader())


@pytest.mark.parametrize("is_raw", [False, True], ids=["lightning", "raw"])
def test_other_losses_of_the_same_batch_may_come_first(is_raw: bool) -> None:
    trainer(max_epochs=2, callbacks=[Mixup()]).fit(Adversarial(uses_labels=True, is_raw=is_raw), loader())
    with REFUSED:
        trainer(max_epochs=1, callbacks=[Mixup()]).fit(Adversarial(uses_labels=False, is_raw=is_raw), loader())


def test_it_is_fine_without_mixup() -> None:
    model = Focal()
    trainer(max_epochs=1).fit(model, loader())
    assert len(model.rates) == 5


def test_the_hooks_on_optimizers_go_with_the_fit() -> None:
    for how, ends in (("neither", True), ("raw", False)):
        run, model = trainer(max_epochs=1, callbacks=[Mixup()]), Manual(how)
        if ends:
            run.fit(model, loader())
        else:
            with REFUSED:
                run.fit(model, loader())
        assert [len(vars(each)["_optimizer_step_pre_hooks"]) for each in run.optimizers] == [1], "the test's own"


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`:UserWarning")
def test_a_step_without_a_loss_is_exempt() -> None:
    class Picky(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) if batch_idx % 2 else None

    model = Picky()
    trainer(max_epochs=1, callbacks=[Mixup()]).fit(model, loader())
    assert len(model.seen) == 2


def test_a_batch_that_a_hook_skips_is_exempt() -> None:
    class Skips(Classifier):
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
            return -1 if batch_idx == 2 else None  # which ends the epoch

    model = Skips()
    trainer(max_epochs=2, callbacks=[Mixup()]).fit(model, loader())
    assert len(model.rates) == 4


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch:UserWarning")
def test_a_fit_that_broke_leaves_nothing_for_the_next(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="middle", every_n_train_steps=3)
    trainer(max_steps=3, callbacks=[Mixup(), keep], enable_checkpointing=True).fit(Classifier(), loader())
    mixup = Mixup()
    with REFUSED:
        trainer(max_epochs=1, callbacks=[mixup]).fit(Focal(), loader())
    model = Classifier()  # goes on in the middle of an epoch, whose start no hook sees
    resumed = trainer(max_epochs=1, callbacks=[mixup])
    resumed.fit(model, loader(), ckpt_path=tmp_path / "middle.ckpt", weights_only=True)
    assert len(model.rates) == 2
