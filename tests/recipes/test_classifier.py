from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lightning_regkit as rk
from recipes.classifier import ImageClassifier
from tests.support import images, loader, trainer

SGD = {"name": "sgd", "lr": 0.05}


def classifier(**options: Any) -> ImageClassifier:
    torch.manual_seed(0)  # the initial weights
    return ImageClassifier(
        **{"model": "resnet20_small", "num_classes": 3, "optimizer": SGD}
        | {"model_options": {"in_chans": 1, "width": 4}}
        | options
    )


def fit(module: ImageClassifier, running: pl.Trainer, count: int = 6) -> None:
    """Train on one batch."""
    data = loader(count=count, batch_size=count)
    running.fit(module, data, data)


def weights(module: ImageClassifier) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def test_one_step_of_fit_is_one_step_of_plain_torch() -> None:
    module, peer = classifier(), classifier()
    fit(module, trainer(max_epochs=1))

    inputs, targets = images(6)
    peer.train()
    F.cross_entropy(peer.network(inputs), targets).backward()
    torch.optim.SGD(peer.parameters(), lr=0.05).step()

    assert not torch.equal(weights(module), weights(classifier()))
    torch.testing.assert_close(weights(module), weights(peer))


def test_label_smoothing_moves_the_training_loss_alone() -> None:
    module, running = classifier(label_smoothing=0.1), trainer(max_epochs=1)
    before = classifier()
    inputs, targets = images(6)
    fit(module, running)
    expected = F.cross_entropy(before.train()(inputs), targets, label_smoothing=0.1)
    assert running.callback_metrics["train_loss"].item() == pytest.approx(expected.item(), rel=1e-5)

    (metrics,) = running.test(module, loader(count=6, batch_size=6), verbose=False)
    expected = F.cross_entropy(module.eval()(inputs), targets)
    assert metrics["test_loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_logs_means_over_the_images_of_an_epoch() -> None:
    """Batches of 4, 4 and 2: a mean of batch means would be another number."""
    module, running = classifier(), trainer(max_epochs=1)
    running.fit(module, loader(count=10, batch_size=4), loader(count=10, batch_size=4))
    inputs, targets = images(10)
    logits = module.eval()(inputs)

    assert set(running.callback_metrics) == {"train_loss", "train_acc", "val_loss", "val_acc"}
    (metrics,) = running.test(module, loader(count=10, batch_size=4), verbose=False)
    assert set(metrics) == {"test_loss", "test_acc"}
    assert metrics["test_loss"] == pytest.approx(F.cross_entropy(logits, targets).item(), rel=1e-5)
    assert metrics["test_acc"] == pytest.approx((logits.argmax(dim=1) == targets).float().mean().item())


def test_predicts_probabilities() -> None:
    module = classifier()
    inputs, _ = images(4)

    (probs,) = trainer().predict(module, loader(count=4, batch_size=4)) or []

    assert isinstance(probs, Tensor)
    torch.testing.assert_close(probs, module.eval()(inputs).softmax(dim=1))
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(4))


@pytest.mark.parametrize("model", ["resnet20_small", "resnet10t"])
def test_any_network_of_timms_registry(model: str) -> None:
    module = classifier(model=model, model_options={"in_chans": 2})

    assert module(torch.zeros(2, 2, 32, 32)).shape == (2, 3)


def test_all_parameters_are_in_one_child() -> None:
    """What averages predictions finds the network there."""
    module = classifier()

    assert set(module.parameters()) == set(module.network.parameters())


def test_the_optimizer_comes_from_the_registry() -> None:
    module = classifier(optimizer={"name": "adamw", "lr": 0.002, "weight_decay": 0.3, "betas": [0.8, 0.9]})

    optimizer = module.configure_optimizers()

    assert isinstance(optimizer, torch.optim.AdamW)
    decaying, others = optimizer.param_groups
    assert (decaying["lr"], decaying["weight_decay"], decaying["betas"]) == (0.002, 0.3, (0.8, 0.9))
    assert others["weight_decay"] == 0
    assert all(parameter.ndim > 1 for parameter in decaying["params"])


def test_a_checkpoint_rebuilds_the_module(tmp_path: Path) -> None:
    module, running = classifier(label_smoothing=0.1), trainer(max_epochs=1, default_root_dir=tmp_path)
    fit(module, running)
    running.save_checkpoint(tmp_path / "last.ckpt")

    again = ImageClassifier.load_from_checkpoint(tmp_path / "last.ckpt")

    assert again.hparams == module.hparams
    assert again.label_smoothing == 0.1
    assert torch.equal(weights(again), weights(module))


def test_regularizers_attach_to_it_unchanged() -> None:
    plain, noisy = classifier(), classifier()
    callbacks = [
        rk.callbacks.ScheduleLR(rk.schedules.Cosine(), warmup="1step"),
        rk.callbacks.Mixup(alpha=1.0),
        rk.callbacks.Cutout(length_frac=0.5),
    ]
    running = trainer(max_epochs=2, callbacks=callbacks)
    fit(plain, trainer(max_epochs=2))
    fit(noisy, running)

    assert not torch.equal(weights(plain), weights(noisy))
    assert 0 <= running.callback_metrics["train_acc"] <= 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"model": "resnet20_smal"},
            "ImageClassifier: model must be in timm's registry, got 'resnet20_smal'. Close: resnet20_small,",
        ),
        (
            {"model": "?"},
            "ImageClassifier: model must be in timm's registry, got '?'. Close: none, see timm.list_models().",
        ),
        ({"num_classes": 1}, "ImageClassifier: num_classes must be at least 2, got 1."),
        (
            {"optimizer": {"lr": 0.1}},
            "ImageClassifier: optimizer must hold a name, got {'lr': 0.1}. Known: ad",
        ),
        ({"label_smoothing": 1.5}, "ImageClassifier: label_smoothing must be in [0, 1], got 1.5."),
    ],
)
def test_refusals(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        classifier(**options)

    assert str(error.value).startswith(text)
