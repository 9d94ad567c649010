from dataclasses import FrozenInstanceError
from itertools import product

import pytest

from lightning_regkit.marginalize import Averaging

PAIRS = [
    pair
    for pair in product(("none", "sigmoid", "softmax"), ("log_probs", "logits", "probs"))
    if pair != ("none", "log_probs")
]


def test_the_default_is_the_mean_of_softmax() -> None:
    assert Averaging() == Averaging("softmax", "probs")


@pytest.mark.parametrize(("activation", "space"), PAIRS)
def test_every_pair_but_one_is_accepted(activation: str, space: str) -> None:
    averaging = Averaging(activation, space)
    assert (averaging.activation, averaging.space) == (activation, space)


@pytest.mark.parametrize(("activation", "space"), PAIRS)
def test_only_distributions_are_averaged_as_distributions(activation: str, space: str) -> None:
    expected = (activation, space) in {("softmax", "probs"), ("sigmoid", "probs")}
    assert Averaging(activation, space).is_of_probs is expected


def test_unknown_choices_are_refused() -> None:
    expected = r"^marginalize: activation must be one of none, sigmoid, softmax, got 'relu'\.$"
    with pytest.raises(ValueError, match=expected):
        Averaging("relu")
    expected = r"^marginalize: space must be one of log_probs, logits, probs, got 'prob'\.$"
    with pytest.raises(ValueError, match=expected):
        Averaging("softmax", "prob")


def test_a_geometric_mean_without_distributions_is_refused() -> None:
    expected = (
        r"^marginalize: space must be 'probs' or 'logits' with activation 'none', got 'log_probs'\. "
        r"Scores without an activation have one mean, the arithmetic one\.$"
    )
    with pytest.raises(ValueError, match=expected):
        Averaging("none", "log_probs")


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Averaging().space = "logits"  # type: ignore[misc]  # the point of the test
