"""What is seen of the first batches, in a network made for it."""

import torch
from torch import nn

from lightning_regkit.tuning import LossSpec
from lightning_regkit.tuning._observe import beyond, observe
from lightning_regkit.tuning._steps import run_steps
from lightning_regkit.tuning._watch import Watch
from tests.support import Classifier, LayoutClassifier, images, loader
from tests.tuning.support import CPU


def still(module: Classifier) -> tuple[Watch, object]:
    watch = Watch(lambda *_: 0.0)
    return watch, run_steps(module, loader(12, 4), watch, CPU, (3, None, ()))


def test_facts_of_a_linear_layer() -> None:
    module = Classifier()
    watch, ran = still(module)
    seen = observe(watch, ran, None)
    inputs, _ = images(12)
    outputs = module(inputs[:4])
    assert seen.batch_size == 4
    assert (seen.num_images, seen.labels, seen.ratio) == (12, (0, 2), 1.0)
    assert seen.inputs == (inputs[:4].mean().item(), inputs[:4].std().item())
    assert seen.spread == outputs.std(0, correction=0).mean().item()
    assert seen.spec is not None
    assert seen.spec.bias == tuple(module.net[1].bias.tolist())
    assert seen.spec.shares == (0.5, 0.25, 0.25)


def test_norms_in_eval_are_seen_unless_they_are_frozen() -> None:
    for has_gradient in (True, False):
        module = Classifier()
        norm = nn.BatchNorm1d(16).eval().requires_grad_(has_gradient)
        module.net = nn.Sequential(nn.Flatten(), norm, nn.BatchNorm1d(16), nn.Linear(16, 3, bias=False))
        watch, ran = still(module)
        seen = observe(watch, ran, None)
        assert seen.eval_norms == (("net.1",) if has_gradient else ())
        assert seen.spec is not None
        assert seen.spec.bias is None


def test_without_a_cross_entropy_the_given_loss_counts() -> None:
    watch, ran = still(LayoutClassifier())
    assert observe(watch, ran, None).spec is None
    assert observe(watch, ran, LossSpec(3)).spec == LossSpec(3)


def test_labels_beyond_the_outputs() -> None:
    module = Classifier()
    module.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    watch = Watch()
    try:
        run_steps(module, loader(12, 4), watch, CPU, (3, None, ()))
    except IndexError:
        seen = beyond(watch)
    assert (seen.labels, seen.spec) == ((0, 2), LossSpec(2))
    assert torch.tensor(seen.loss).isnan()
