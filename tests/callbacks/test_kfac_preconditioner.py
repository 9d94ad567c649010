"""KFACPreconditioner in real fits: gradients at the step, exact resume, mixed precision, accumulation, refusals."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit.callbacks._kfac_preconditioner import KFACPreconditioner
from lightning_regkit.optim.kfac._factors import factors, moments
from lightning_regkit.optim.kfac._inverse import decompose, precondition
from tests.support import NUM_CLASSES, Classifier, images, loader, trainer

pytestmark = pytest.mark.usefixtures("logs_of_lightning")


class ConvNet(Classifier):
    """Convolution, normalization, linear layers; the same weights every time; remembers gradients at each step."""

    def __init__(self, lr: float = 0.1, momentum: float = 0.9) -> None:
        super().__init__(lr, momentum)
        self.net = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(32, 3)
        )
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in self.net.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
        self.gradients: list[list[Tensor]] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        inputs, targets = batch
        return functional.cross_entropy(self(inputs.to(self.net[0].weight.dtype)), targets)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        self.gradients.append([p.grad.clone() for p in self.parameters() if p.grad is not None])


def kfac(**changed: Any) -> KFACPreconditioner:
    return KFACPreconditioner(0.1, **{"update_every": 1, "invert_every": 1, "kl_clip": None, **changed})


def fit(*callbacks: Any, model: Any = None, data: Any = None, **options: Any) -> Any:
    model = model or ConvNet()
    fitted = trainer(**{"max_epochs": 1, **options, "callbacks": list(callbacks)})
    fitted.fit(model, data or loader(12, 4))
    return model


def lines_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("KFAC")]


def test_defaults() -> None:
    settings = KFACPreconditioner().settings
    assert (settings.damping, settings.update_every, settings.invert_every) == (1e-3, 10, 100)
    assert (settings.decay, settings.kl_clip, settings.exclude) == (0.95, 1e-3, ())


def test_bad_arguments_are_refused_at_construction() -> None:
    with pytest.raises(ValueError, match=r"^KFACPreconditioner: damping must be a positive number, got 0.0\.$"):
        KFACPreconditioner(0.0)


def test_the_step_gets_preconditioned_gradients_of_linear_and_conv_and_nothing_else() -> None:
    plain, ours = fit(limit_train_batches=1), fit(kfac(), limit_train_batches=1)
    for index, (raw, new) in enumerate(zip(plain.gradients[0], ours.gradients[0], strict=True)):
        assert torch.equal(raw, new) is (index in {2, 3}), "only BatchNorm's stay"


def test_the_gradient_is_that_of_the_formula() -> None:
    inputs, labels = images(4)
    model, plain = fit(kfac(), model=None, data=loader(4, 4)), ConvNet()
    features = plain.net[:4](inputs).detach()
    logits = plain.net[4](features).detach().requires_grad_()
    (gradients,) = torch.autograd.grad(functional.cross_entropy(logits, labels), logits)
    rows = torch.cat([features, torch.ones(4, 1)], dim=1)
    basis = decompose(factors(moments(rows[:, None], gradients[:, None])))
    wanted = precondition(gradients.T @ rows, basis, damping=0.1)
    torch.testing.assert_close(torch.cat([model.gradients[0][4], model.gradients[0][5][:, None]], dim=1), wanted)


def test_clipping_comes_after() -> None:
    model = fit(kfac(), gradient_clip_val=1e-3, limit_train_batches=1)
    before = ConvNet()
    moved = [p - q for p, q in zip(model.parameters(), before.parameters(), strict=True)]
    norm = torch.cat([part.flatten() for part in moved]).norm()
    assert norm.item() == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_accumulated_micro_batches_are_one_large_batch() -> None:
    class Plain(ConvNet):
        def __init__(self) -> None:
            super().__init__()
            self.net[1] = nn.Identity()  # BatchNorm alone would tell micro-batches apart

    whole = fit(kfac(), model=Plain(), precision="64-true")
    parts = fit(kfac(), model=Plain(), precision="64-true", data=loader(12, 2), accumulate_grad_batches=2)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.parametrize("every", [2, 3, 5])
def test_a_resumed_run_equals_an_uninterrupted_one(every: int, tmp_path: Path) -> None:
    data = DataLoader(TensorDataset(*images(4)), batch_size=4)  # one step an epoch

    def run(epochs: int, **options: Any) -> tuple[Any, Any]:
        model, ours = ConvNet(), KFACPreconditioner(0.1, update_every=2, invert_every=4)
        keep = ModelCheckpoint(tmp_path, filename=f"{epochs}")
        fitted = trainer(max_epochs=epochs, callbacks=[ours, keep], enable_checkpointing=True)
        fitted.fit(model, data, **options)
        return model, ours

    whole, first = run(2 * every)
    run(every)
    resumed, second = run(2 * every, ckpt_path=tmp_path / f"{every}.ckpt", weights_only=True)
    assert len(resumed.gradients) == every
    assert all(map(torch.equal, whole.state_dict().values(), resumed.state_dict().values()))
    ours, theirs = first.state_dict(), second.state_dict()
    assert (ours["steps"], ours["updated_at"]) == (theirs["steps"], theirs["updated_at"])
    assert ours["steps"] == 2 * every
    for name, each in ours["factors"].items():
        assert all(torch.equal(value, theirs["factors"][name][key]) for key, value in each.items())


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_on_resume_the_settings_in_the_code_win(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(kfac(), ModelCheckpoint(tmp_path, filename="last"), enable_checkpointing=True)
    ours = kfac(decay=0.5)
    trainer(max_epochs=2, callbacks=[ours]).fit(ConvNet(), loader(12, 4), ckpt_path=tmp_path / "last.ckpt")
    assert lines_said(caplog)[-2].startswith(
        "KFACPreconditioner: goes on with KFACSettings(damping=0.1, update_every=1,"
    )
    assert ours.state_dict()["updates"] == {"net.0": 6, "net.4": 6}


def test_a_fresh_fit_starts_anew() -> None:
    ours = kfac()
    fit(ours)
    held = fit(ours)
    assert ours.state_dict()["steps"] == 3
    assert all(map(torch.equal, held.parameters(), fit(kfac()).parameters()))


def test_an_evaluation_leaves_it_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Checked(ConvNet):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self(batch[0])

    ours, keep = kfac(), ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    fitted = trainer(max_epochs=2, callbacks=[ours, keep], enable_checkpointing=True)
    model, val = Checked(), loader(4, 4)
    fitted.fit(model, loader(12, 4), val)
    held = dict(vars(ours._state))
    fitted.validate(model, val, ckpt_path=tmp_path / "epoch=0.ckpt", weights_only=True)
    assert vars(ours._state) == held
    assert not any("goes on with" in line for line in lines_said(caplog))


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_what_a_checkpoint_lacks_is_not_taken_from_an_earlier_fit(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="last")
    trainer(max_epochs=1, callbacks=[keep], enable_checkpointing=True).fit(ConvNet(), loader(12, 4))
    used, fresh = kfac(), kfac()
    fit(used)
    for ours in (used, fresh):
        again = trainer(max_epochs=2, callbacks=[ours])
        again.fit(ConvNet(), loader(12, 4), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert used.state_dict()["steps"] == fresh.state_dict()["steps"] == 3


class Overflows(ConvNet):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss: Tensor = super().training_step(batch, batch_idx)
        return loss * torch.inf if batch_idx == 0 else loss


def half(scale: float) -> pl.plugins.Precision:
    return pl.plugins.MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=scale))


def test_a_loss_scale_drops_out() -> None:
    one, other, plain = kfac(), kfac(), kfac()
    models = [fit(one, plugins=[half(1.0)]), fit(other, plugins=[half(1024.0)]), fit(plain)]
    for name in ("net.0", "net.4"):
        for key in ("A", "G"):
            ours, theirs, exact = (each.state_dict()["factors"][name][key] for each in (one, other, plain))
            torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-4)
            torch.testing.assert_close(ours, exact, rtol=0.1, atol=1e-2)
    for first, second in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(first, second, rtol=1e-2, atol=1e-2)


def test_a_step_that_overflows_leaves_no_trace() -> None:
    ours = kfac(update_every=5, invert_every=5)
    model = fit(ours, model=Overflows(), plugins=[half(1.0)])
    state = ours.state_dict()
    assert state["updates"] == {"net.0": 1, "net.4": 1}
    assert state["updated_at"] == 1, "the next step renews"
    assert all(part.isfinite().all() for each in state["factors"].values() for part in each.values())
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_what_is_preconditioned_is_said(caplog: pytest.LogCaptureFixture) -> None:
    fit(kfac(exclude=["net.4"]))
    assert lines_said(caplog) == ["KFACPreconditioner: preconditions net.0; net.4 stays as it is (excluded)."]


class Newton(Classifier):
    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.LBFGS(self.parameters())


class Manual(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


class Compiled(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.compile(self.net, backend="eager")


class Nothing(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(1))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Newton, "optimizer must evaluate the loss once a step, got 'LBFGS'. Use SGD or Adam."),
        (
            Manual,
            "optimization must be automatic, got 'manual'. Let Lightning make the steps, or remove KFACPreconditioner.",
        ),
        (Nothing, "module must hold a Linear or Conv2d layer to precondition, got {}."),
        (
            Compiled,
            "layers must be called as modules in the training step, got \"gradients of ['net._orig_mod.1'] without a "
            "call\". Call the layer itself, uncompiled, or pass exclude=['net._orig_mod.1'].",
        ),
    ],
)
def test_refusals(kind: type[Classifier], text: str) -> None:
    model = kind()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with pytest.raises(ValueError, match=r"^KFACPreconditioner: ") as caught:
        fit(kfac(), model=model)
    assert str(caught.value) == f"KFACPreconditioner: {text}"
    assert all(map(torch.equal, before, model.parameters()))
    torch.compiler.reset()


def test_two_preconditioners_are_refused() -> None:
    with pytest.raises(RuntimeError, match="more than one stateful callback of type `KFACPreconditioner`"):
        trainer(callbacks=[KFACPreconditioner(), KFACPreconditioner()])


def test_it_learns_in_pytorch_lightning_too() -> None:
    import pytorch_lightning

    class Theirs(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, NUM_CLASSES))

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    ours: Any = kfac()
    run = pytorch_lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ours],
    )
    run.fit(Theirs(), loader(12, 4))
    assert ours.state_dict()["updates"] == {"net.1": 3}
