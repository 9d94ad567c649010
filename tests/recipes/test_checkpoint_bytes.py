"""The size of a checkpoint, against one that is written."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from recipes._checkpoint_bytes import checkpoint_bytes
from recipes._quiet import without_known_warnings
from recipes.classifier import ImageClassifier
from recipes.plan import Recipe, build

pytestmark = pytest.mark.usefixtures("empty_directory")

DIGITS = Path(__file__).parents[2] / "recipes" / "digits"
REGULARIZED = str(DIGITS / "regularized.yaml")


def built(words: list[str], device: str = "cpu") -> Recipe:
    with without_known_warnings(), torch.device(device):
        return build(words, 1, 1)


class Files(pl.Callback):
    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.save_checkpoint(self.path)


def test_numbers_that_only_a_device_has_are_looked_at_there() -> None:
    """L-BFGS asks for the size of the gradient, which weights without values have not."""
    words = ["--config", str(DIGITS / "lbfgs.yaml")]
    recipe = built(words, "meta")
    assert checkpoint_bytes(recipe.model) == checkpoint_bytes(built(words).model)
    assert all(parameter.device.type == "cpu" for parameter in recipe.model.parameters())


def test_bytes_are_those_of_the_tensors_in_a_checkpoint(tmp_path: Path) -> None:
    words = ["--config", REGULARIZED, "--model.optimizer.name=adamw", "--model.optimizer.lr=0.001"]
    words += ["--trainer.max_epochs=1", "--trainer.callbacks=null"]
    predicted = checkpoint_bytes(built(words, "meta").model)
    recipe = built(words)
    recipe.trainer.callbacks.append(Files(tmp_path / "last.ckpt"))  # type: ignore[attr-defined]
    recipe.trainer.fit(recipe.model, recipe.data)
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    states = [entry for state in saved["optimizer_states"][0]["state"].values() for entry in state.values()]
    held = [*saved["state_dict"].values(), *states]
    assert predicted == sum(tensor.nbytes for tensor in held)


def test_an_evaluation_has_weights_alone() -> None:
    model = ImageClassifier("softmax_regression", 10, model_options={"in_chans": 1})
    assert checkpoint_bytes(model) == 4 * (64 * 10 + 10)
