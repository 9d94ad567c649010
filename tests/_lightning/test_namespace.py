"""Both Lightning distributions: which one is chosen, that plain callbacks run in either, and the refusal."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch
import pytest

from lightning_regkit._lightning._namespace import choose, pl, refuse_other_namespace
from tests.support import trainer

NEW, OLD = "lightning.pytorch", "pytorch_lightning"
ROOT = Path(__file__).parents[2]

#: Imports Lightning in the order of its arguments, the package after the first, then fits in a Trainer of each.
SCRIPT = """
import json, sys
from importlib import import_module

first = import_module(sys.argv[1])
import lightning_regkit as rk
from lightning_regkit._lightning._namespace import pl, refuse_other_namespace
import torch

def fit(lightning):
    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))

        def training_step(self, batch, batch_idx):
            return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)

    lightning.seed_everything(7)
    data = torch.utils.data.TensorDataset(torch.randn(10, 1, 4, 4), torch.arange(10) % 3)
    model = Model()
    schedule = rk.callbacks.ScheduleLR(rk.schedules.Cosine(), warmup="2step")
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[rk.callbacks.Mixup(), rk.callbacks.Cutout(), schedule],
    )
    trainer.fit(model, torch.utils.data.DataLoader(data, batch_size=2))
    try:
        refuse_other_namespace("Thing", trainer)
        refusal = ""
    except TypeError as error:
        refusal = str(error)
    return {"weights": [value.tolist() for value in model.parameters()], "refusal": refusal}

print(json.dumps({"built": pl.__name__, **{name: fit(import_module(name)) for name in sys.argv[1:]}}))
"""


def run(code: str, *arguments: str, variable: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh process, with ``LIGHTNING_REGKIT_PL`` set to ``variable``."""
    clean = {name: value for name, value in os.environ.items() if name not in {"LIGHTNING_REGKIT_PL", "PL_GLOBAL_SEED"}}
    environment = clean if variable is None else {**clean, "LIGHTNING_REGKIT_PL": variable}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("environment", "imported", "chosen"),
    [
        (None, set(), NEW),
        (None, {NEW}, NEW),
        (None, {OLD}, OLD),
        (None, {OLD, NEW}, NEW),
        (OLD, set(), OLD),
        (OLD, {NEW}, OLD),
        (NEW, {OLD}, NEW),
    ],
)
def test_choice(environment: str | None, imported: set[str], chosen: str) -> None:
    assert choose(environment, imported | {"torch"}) == chosen


@pytest.mark.parametrize("environment", ["lightning", ""])
def test_a_wrong_choice(environment: str) -> None:
    text = (
        "lightning_regkit: LIGHTNING_REGKIT_PL must be one of lightning.pytorch, pytorch_lightning, "
        f"got {environment!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        choose(environment, set())


def test_a_trainer_of_ours_and_a_subclass_are_fine() -> None:
    class Own(lightning.pytorch.Trainer):
        pass

    assert pl is lightning.pytorch
    refuse_other_namespace("Thing", trainer())
    refuse_other_namespace("Thing", Own(accelerator="cpu", logger=False, enable_checkpointing=False))


def test_something_else_is_no_trainer() -> None:
    text = (
        "Thing: trainer must be a lightning.pytorch.Trainer, got one of another package. "
        "Import Trainer from lightning.pytorch."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        refuse_other_namespace("Thing", object())


@pytest.fixture(scope="module", params=[(NEW, OLD), (OLD, NEW)], ids=["built on new", "built on old"])
def fits(request: pytest.FixtureRequest) -> dict[str, Any]:
    ours, theirs = request.param
    finished = run(SCRIPT, ours, theirs)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.count("ScheduleLR: ") == 2, "one plan for each fit is shown"
    return {**json.loads(finished.stdout.splitlines()[-1]), "ours": ours, "theirs": theirs}


def test_plain_callbacks_run_alike_in_either_trainer(fits: dict[str, Any]) -> None:
    assert fits["built"] == fits["ours"], "the one imported first"
    assert fits[NEW]["weights"] == fits[OLD]["weights"]


def test_the_refusal_names_both_ways_out(fits: dict[str, Any]) -> None:
    ours, theirs = fits["ours"], fits["theirs"]
    assert fits[ours]["refusal"] == ""
    assert fits[theirs]["refusal"] == (
        f"Thing: trainer must be a {ours}.Trainer, got one of {theirs}. Import Trainer from {ours}, "
        f"or set LIGHTNING_REGKIT_PL={theirs} before lightning_regkit is imported."
    )


def test_the_variable_decides_before_the_package_is_imported() -> None:
    finished = run("from lightning_regkit._lightning._namespace import pl; print(pl.__name__)", variable=OLD)
    assert finished.stdout.split() == [OLD], finished.stderr


def test_a_wrong_variable_stops_the_import() -> None:
    finished = run("import lightning_regkit.callbacks", variable="lightning")
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == (
        "ValueError: lightning_regkit: LIGHTNING_REGKIT_PL must be one of lightning.pytorch, pytorch_lightning, "
        "got 'lightning'."
    )
