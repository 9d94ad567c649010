from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

import lightning_regkit as rk
from recipes.classifier import ImageClassifier
from tests.support import Items, images, loader, trainer

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
    module, running = classifier(loss={"label_smoothing": 0.1}), trainer(max_epochs=1)
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
    module, running = classifier(loss={"label_smoothing": 0.1}), trainer(max_epochs=1, default_root_dir=tmp_path)
    fit(module, running)
    running.save_checkpoint(tmp_path / "last.ckpt")

    again = ImageClassifier.load_from_checkpoint(tmp_path / "last.ckpt")

    assert again.hparams == module.hparams
    assert again.hparams["loss"] == {"label_smoothing": 0.1}
    assert torch.equal(weights(again), weights(module))


def test_bce_trains_on_probabilities_and_counts_their_largest_class() -> None:
    module, running = classifier(loss={"name": "bce", "threshold": 0.2}), trainer(max_epochs=1)
    before = classifier()
    inputs, labels = images(6)
    shares = F.one_hot(labels, 3) * 0.7 + F.one_hot(labels.flip(0), 3) * 0.3
    running.fit(module, DataLoader(TensorDataset(inputs, shares), batch_size=6), loader(count=6, batch_size=6))

    logits = before.train()(inputs)
    expected = F.binary_cross_entropy_with_logits(logits, (shares > 0.2).float())
    assert running.callback_metrics["train_loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
    assert running.callback_metrics["train_acc"].item() == pytest.approx(accuracy)


def test_bce_sees_what_mixup_makes() -> None:
    mixup = rk.callbacks.Mixup(1.0, targets="probabilities", num_classes=3)
    module = classifier(loss={"name": "bce", "threshold": 0.2})
    fit(module, trainer(max_epochs=1, callbacks=[mixup]))
    assert not torch.equal(weights(module), weights(classifier()))


def test_bce_of_mixed_labels_is_refused_by_who_mixed_them() -> None:
    module = classifier(loss={"name": "bce", "threshold": 0.2})
    with pytest.raises(rk.errors.UnmixedTargetsError, match="pass targets='probabilities'"):
        fit(module, trainer(max_epochs=1, callbacks=[rk.callbacks.Mixup(1.0)]))


@pytest.mark.parametrize(("decays", "still"), [("weights", 39), ("all_but_norms", 38), ("all", 0)])
def test_it_is_said_what_decays(decays: str, still: int) -> None:
    """19 BatchNorm layers and the bias of the head."""
    module = classifier(optimizer={"name": "momentum", "lr": 0.1, "weight_decay": 0.01, "decays": decays})
    groups = module.configure_optimizers().param_groups  # type: ignore[union-attr]
    counts = {group["weight_decay"]: len(group["params"]) for group in groups}
    assert counts.get(0.0, 0) == still
    assert sum(counts.values()) == len(list(module.parameters()))


def test_decay_that_is_not_given_is_the_optimizers_own() -> None:
    module = classifier(optimizer={"name": "adamw", "decays": "all"})
    (group,) = module.configure_optimizers().param_groups  # type: ignore[union-attr]
    assert group["weight_decay"] == 0.01


def test_an_epoch_of_unequal_images_has_the_mean_over_images() -> None:
    """Lists of images of other sizes, which MultiCrop cuts; batches of 4, 4 and 2."""
    inputs, targets = images(10)
    batches = [
        ([image.repeat(1, 2 + index % 2, 2) for index, image in enumerate(inputs[rows])], targets[rows])
        for rows in (slice(0, 4), slice(4, 8), slice(8, 10))
    ]
    crop = rk.callbacks.MultiCrop("center", resize_px=[], crop_px=4, curve=False)
    module, running = classifier(), trainer(callbacks=[crop])
    (metrics,) = running.test(module, DataLoader(Items(batches), batch_size=None), verbose=False)

    cut = torch.stack([v2.functional.center_crop(image, [4, 4]) for parts, _ in batches for image in parts])
    logits = module.eval()(cut)
    assert metrics["test_loss"] == pytest.approx(F.cross_entropy(logits, targets).item(), rel=1e-5)
    assert metrics["test_acc"] == pytest.approx((logits.argmax(dim=1) == targets).float().mean().item())


def test_training_logs_the_mean_over_images_too() -> None:
    module, running = classifier(optimizer={"name": "sgd", "lr": 1e-12}), trainer(max_epochs=1)
    before = classifier()
    running.fit(module, loader(count=10, batch_size=4), loader(count=10, batch_size=4))
    inputs, targets = images(10)
    losses = [
        F.cross_entropy(before.train()(inputs[rows]), targets[rows]).item() * len(targets[rows])
        for rows in (slice(0, 4), slice(4, 8), slice(8, 10))
    ]
    assert running.callback_metrics["train_loss"].item() == pytest.approx(sum(losses) / 10, rel=1e-5)


@pytest.fixture
def file(tmp_path: Path) -> str:
    torch.manual_seed(7)
    source = classifier().network
    for parameter in source.parameters():
        parameter.data += torch.randn_like(parameter)
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    return str(tmp_path / "weights.pth")


def evaluated(**options: Any) -> ImageClassifier:
    return classifier(optimizer=None, model_options={"in_chans": 1, "width": 4, **options})


def test_weights_of_a_file_are_tested(file: str) -> None:
    module = evaluated(weights=file)
    assert torch.equal(weights(module), weights(classifier()))  # not read before a run
    trainer().test(module, loader(count=6, batch_size=6), verbose=False)
    saved = torch.load(file, weights_only=True)
    for name, tensor in module.network.state_dict().items():
        assert torch.equal(tensor, saved[name])


def test_a_checkpoint_takes_the_place_of_the_file(tmp_path: Path) -> None:
    trained, running = classifier(), trainer(max_epochs=1)
    fit(trained, running)
    running.save_checkpoint(tmp_path / "last.ckpt")
    module = evaluated(weights="no/such/file.pth")
    trainer().test(module, loader(count=6, batch_size=6), ckpt_path=tmp_path / "last.ckpt", verbose=False)
    assert torch.equal(weights(module), weights(trained))


@pytest.mark.parametrize("stage", ["validate", "predict"])
def test_other_evaluations_have_them_too(stage: str, file: str) -> None:
    module = evaluated(weights=file)
    getattr(trainer(), stage)(module, loader(count=6, batch_size=6))
    assert torch.equal(weights(module), torch.cat([p.flatten() for p in file_weights(module, file)]))


def file_weights(module: ImageClassifier, file: str) -> list[Tensor]:
    saved = torch.load(file, weights_only=True)
    return [saved[name] for name, _ in module.network.named_parameters()]


def test_a_missing_file_is_said_at_the_start() -> None:
    with pytest.raises(FileNotFoundError, match="weights must be a file, got 'none"):
        trainer().test(evaluated(weights="none.pth"), loader(count=6, batch_size=6), verbose=False)


def test_an_evaluation_alone_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="optimizer") as error:
        fit(evaluated(), trainer(max_epochs=1))
    assert str(error.value) == (
        "ImageClassifier: optimizer must be given for a fit, got None. This recipe evaluates: run its test."
    )


@pytest.mark.parametrize("is_zero", [True, False])
def test_residual_branches_start_at_zero_where_timm_is_told_so(is_zero: bool) -> None:
    network = classifier(model="resnet18", model_options={"zero_init_last": is_zero}).network
    last = [block.bn2.weight for stage in (1, 2, 3, 4) for block in getattr(network, f"layer{stage}")]
    assert len(last) == 8
    assert all(torch.equal(weight, torch.full_like(weight, 0.0 if is_zero else 1.0)) for weight in last)


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
        (
            {"model_options": {"weights": "w.pth", "in_chans": 1}},
            "ImageClassifier: weights must stand without optimizer, got 'w.pth'. A test of another run would load them "
            "again.",
        ),
        ({"num_classes": 1}, "ImageClassifier: num_classes must be at least 2, got 1."),
        (
            {"optimizer": {"lr": 0.1}},
            "ImageClassifier: optimizer must hold a name, got {'lr': 0.1}. Known: ad",
        ),
        ({"loss": {"label_smoothing": 1.5}}, "Loss: label_smoothing must be in [0, 1], got 1.5."),
    ],
)
def test_refusals(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        classifier(**options)

    assert str(error.value).startswith(text)
