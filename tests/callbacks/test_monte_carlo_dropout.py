"""The mean over masks in real evaluations: what is switched on, what repeats, and what nests."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.data import DataLoader, TensorDataset
from torchvision.ops import StochasticDepth
from typing_extensions import override

from lightning_regkit.callbacks import EnsembleCheckpoints, MonteCarloDropout
from lightning_regkit.callbacks._averaged_prediction import AveragedPrediction
from lightning_regkit.marginalize import Readout, combine
from tests.support import NUM_CLASSES, SIDE_PX, Validated, images, loader, trainer

FEATURES = SIDE_PX**2
STAGES = ("validate", "test", "predict")


class Noisy(Validated):
    """Dropout before the only linear layer, and batch statistics that must not move."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(FEATURES), nn.Dropout(p), nn.Linear(FEATURES, NUM_CLASSES)
        )


def run(model: Validated, *callbacks: Any, stage: str = "test") -> Tensor:
    model.outputs = []
    options = {} if stage == "predict" else {"verbose": False}
    getattr(trainer(callbacks=list(callbacks)), stage)(model, loader(), **options)
    return torch.cat(model.outputs)


@pytest.mark.parametrize("stage", STAGES)
def test_it_acts_in_the_chosen_stages(stage: str) -> None:
    plain = run(Noisy(), stage=stage)
    assert not torch.allclose(run(Noisy(), MonteCarloDropout(2, stages=(stage,)), stage=stage), plain)
    rest = tuple({*STAGES} - {stage})
    assert torch.equal(run(Noisy(), MonteCarloDropout(2, stages=rest), stage=stage), plain)


def test_it_is_the_mean_of_the_distributions_over_masks() -> None:
    seen: list[Tensor] = []

    class Records(Noisy):
        def forward(self, inputs: Tensor) -> Tensor:
            seen.append(super().forward(inputs))
            return seen[-1]

    found = run(Records(), MonteCarloDropout(3))
    assert len(seen) == 3 * 5
    batches = [combine(seen[index : index + 3]) for index in range(0, 15, 3)]
    assert_close(found, torch.cat(batches))
    assert len({tuple(scores.flatten().tolist()) for scores in seen}) == 15, "every mask is another"


def test_many_masks_before_a_linear_layer_average_to_the_plain_logits() -> None:
    count = 4000
    model = Noisy(p=0.25)
    plain = run(Noisy(p=0.25))
    callback = MonteCarloDropout(count, readout=Readout(activation="none"))
    inputs = images(10)[0].flatten(1)
    with torch.no_grad():
        linear, hidden = model.net[3], model.net[1].eval()(inputs)
        variance = 0.25 / 0.75 * (hidden.square() @ linear.weight.square().T)
    assert ((run(model, callback) - plain).abs() <= 4 * (variance / count).sqrt()).all()


def test_only_noise_is_switched_on_and_everything_is_as_before() -> None:
    modes: list[dict[str, bool]] = []

    class Looks(Noisy):
        def forward(self, inputs: Tensor) -> Tensor:
            modes.append({name: module.training for name, module in self.named_modules()})
            return super().forward(inputs)

    model = Looks()
    model.net.append(StochasticDepth(0.5, "row"))
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    run(model, MonteCarloDropout(2))
    assert {name for mode in modes for name, is_on in mode.items() if is_on} == {"net.2", "net.4"}
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())
    assert all(module.training for module in model.modules()), "Lightning puts the mode of the fit back"


def test_a_rerun_is_identical_and_the_users_generator_untouched() -> None:
    torch.manual_seed(1)
    first, state = run(Noisy(), MonteCarloDropout(2)), torch.get_rng_state()
    torch.manual_seed(1)
    plain = run(Noisy())
    assert torch.equal(torch.get_rng_state(), state), "as without it"
    torch.manual_seed(2)
    assert torch.equal(run(Noisy(), MonteCarloDropout(2)), first)
    assert not torch.equal(first, plain)


def test_seed_everything_chooses_the_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for seed in ("1", "2", "1"):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        found.append(run(Noisy(), MonteCarloDropout(2)))
    assert torch.equal(found[0], found[2])
    assert not torch.allclose(found[0], found[1])


def test_uncertainty_after_predict() -> None:
    masks = MonteCarloDropout(8)
    run(Noisy(), masks, stage="predict")
    assert masks.uncertainty is not None
    assert masks.uncertainty.mutual_information.shape == (10,)
    assert (masks.uncertainty.mutual_information > 0).all(), "masks differ"


class Flip(AveragedPrediction):
    level = 1

    @override
    def average(self, predict: Any, inputs: Any) -> Tensor:
        return self.mean([predict(inputs), predict(inputs.flip(-1))])


def members(folder: Path) -> list[Path]:
    paths = [folder / f"{index}.ckpt" for index in range(2)]
    for index, path in enumerate(paths):
        model = Noisy()
        with torch.no_grad():
            model.net[3].weight.add_(index)
        torch.save({"state_dict": model.state_dict()}, path)
    return paths


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_masks_views_and_members_nest_in_any_order_with_the_same_result(order: Any, tmp_path: Path) -> None:
    paths = members(tmp_path)
    count = 2
    asked: list[Tensor] = []

    class Records(Noisy):
        def forward(self, inputs: Tensor) -> Tensor:
            asked.append(super().forward(inputs))
            return asked[-1]

    def three() -> list[Any]:
        return [MonteCarloDropout(count), Flip("Flip"), EnsembleCheckpoints(paths)]

    callbacks = three()
    found = run(Records(), *(callbacks[index] for index in order))
    assert torch.equal(found, run(Noisy(), *three()))
    per_batch = count * 2 * 2
    assert len({tuple(scores.flatten().tolist()) for scores in asked}) == len(asked) == 5 * per_batch
    means = [combine(asked[start : start + per_batch]) for start in range(0, len(asked), per_batch)]
    assert_close(found, torch.cat(means), msg="the mean of means is the mean of all")


def test_validation_in_a_fit_leaves_training_as_it_was() -> None:
    def fitted(*callbacks: Any) -> dict[str, Tensor]:
        model = Noisy()
        torch.manual_seed(3)
        run = trainer(max_epochs=2, callbacks=list(callbacks), num_sanity_val_steps=0)
        run.fit(model, loader(), loader())
        return model.state_dict()

    plain, averaged = fitted(), fitted(MonteCarloDropout(2, stages=("validate",)))
    assert all(torch.equal(plain[name], averaged[name]) for name in plain)


def test_a_module_without_noise_is_refused() -> None:
    model = Validated()
    with pytest.raises(ValueError, match="MonteCarloDropout") as caught:
        run(model, MonteCarloDropout())
    assert str(caught.value) == (
        "MonteCarloDropout: the module must hold a layer of noise such as nn.Dropout, got 'Validated'. "
        "Add nn.Dropout or Surgery; noise from functions, such as F.dropout, cannot be switched on."
    )


@pytest.mark.parametrize(
    ("num_samples", "kind", "found"), [(0, ValueError, "0"), (1.5, TypeError, "1.5"), (True, TypeError, "True")]
)
def test_refused_arguments(num_samples: Any, kind: type[Exception], found: str) -> None:
    with pytest.raises(kind, match="MonteCarloDropout") as caught:
        MonteCarloDropout(num_samples)
    assert str(caught.value) == f"MonteCarloDropout: num_samples must be a positive integer, got {found}."


def test_an_exception_switches_everything_off() -> None:
    class Raises(Noisy):
        def forward(self, inputs: Tensor) -> Tensor:
            raise OSError("on fire")

    model, states = Raises().eval(), []
    for callbacks in ([], [MonteCarloDropout()]):
        torch.manual_seed(1)
        with pytest.raises(OSError, match="on fire"):
            run(model, *callbacks)
        states.append(torch.get_rng_state())
        assert not any(module.training for module in model.modules())
    assert torch.equal(*states)


def test_it_pickles_for_spawn() -> None:
    assert pickle.loads(pickle.dumps(MonteCarloDropout(4))).num_samples == 4


class Table(Validated):
    """Rows of numbers (B, F), and one score of each."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def test_rows_of_a_table_are_inputs_too() -> None:
    rows = DataLoader(TensorDataset(torch.rand(8, 16), torch.zeros(8, dtype=torch.long)), batch_size=4)
    masks = MonteCarloDropout(64, readout=Readout(activation="none"))
    model, run = Table(), trainer(callbacks=[masks])
    run.test(model, rows, verbose=False)
    plain = Table()
    plain.load_state_dict(model.state_dict())
    trainer().test(plain, rows, verbose=False)
    averaged, expected = torch.cat(model.outputs), torch.cat(plain.outputs)
    assert not torch.equal(averaged, expected), "masks were drawn"
    torch.testing.assert_close(averaged, expected, rtol=0, atol=0.5)
