"""What all specs share: they are values, they come out of YAML, and they know how much of the run is theirs."""

import dataclasses
import inspect
import json
import pickle
import re
from pathlib import Path

import pytest
from jsonargparse import auto_cli
from torch.optim.lr_scheduler import LambdaLR

from lightning_regkit import schedules
from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    CyclicCosine,
    Exponential,
    Horizon,
    InverseSqrt,
    Join,
    Linear,
    Milestones,
    Mirrored,
    OneCycle,
    Polynomial,
    Scaled,
    ScheduleSpec,
    StepDecay,
    Trapezoid,
    compose,
)
from lightning_regkit.schedules._spec import steps_after_warmup, steps_left
from tests.schedules.references import torch_factors

HORIZON = Horizon(total_steps=90, epoch_ends=tuple(range(1, 91)))
SPECS: list[ScheduleSpec] = [
    Constant(),
    Linear(final_factor=0.1),
    Cosine(final_factor=0.1),
    Milestones(["30ep", 60, "0.9run"], gamma=0.2),
    CyclicCosine(num_cycles=3, final_factor=0.1),
    StepDecay("30ep", gamma=0.2),
    Exponential(gamma=0.9, every="5ep"),
    Polynomial(power=2.0, final_factor=0.1),
    InverseSqrt(timescale="4ep"),
    OneCycle([20, "0.9run"], start_factor=0.1, final_factor=0.01, shape="linear"),
    CosineRestarts("10ep", cycle_mult=2, peak_decay=0.5, final_factor=0.1),
    Trapezoid("0.3run", final_factor=0.1, shape="sqrt"),
    Scaled(Cosine(final_factor=0.1), factor=0.5),
    Mirrored(Cosine(), low=0.5),
    Join([Linear(final_factor=0.5), Scaled(Cosine(), 0.5), StepDecay("2ep")], ["0.5run", 80]),
]
EVERY_SPEC = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)


def parsed(text: str, folder: Path) -> object:
    """What a program that takes a spec is given by a YAML file, as by LightningCLI."""
    config = folder / "config.yaml"
    config.write_text(text)
    return auto_cli(returned, args=["--config", str(config)])


def returned(spec: ScheduleSpec) -> ScheduleSpec:
    return spec


def written(value: object) -> object:
    """The plain values that a YAML file holds for a setting."""
    match value:
        case ScheduleSpec():
            arguments = {field.name: written(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {"class_path": f"lightning_regkit.schedules.{type(value).__name__}", "init_args": arguments}
        case tuple():
            return [written(part) for part in value]
    return value


def yaml(spec: ScheduleSpec) -> str:
    return json.dumps({"spec": written(spec)})


def test_every_exported_spec_is_tested_here() -> None:
    exported = {
        value for value in vars(schedules).values() if inspect.isclass(value) and issubclass(value, ScheduleSpec)
    }
    assert exported == {ScheduleSpec, *map(type, SPECS)}


@EVERY_SPEC
def test_a_spec_is_an_immutable_value(spec: ScheduleSpec) -> None:
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec
    assert hash(copy) == hash(spec)
    for field in dataclasses.fields(spec):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(spec, field.name, 0.5)


@EVERY_SPEC
def test_yaml_gives_the_spec_that_python_gives(spec: ScheduleSpec, tmp_path: Path) -> None:
    assert parsed(yaml(spec), tmp_path) == spec


def test_a_short_name_and_the_defaults_do_in_yaml(tmp_path: Path) -> None:
    assert parsed("spec: Cosine\n", tmp_path) == Cosine()


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("final_factor: 2.0", "Cosine: final_factor must be a number in [0, 1], got 2.0."),
        ("final_facto: 0.1", "final_facto"),
        ("final_factor: low", "Got value: low"),
    ],
)
def test_yaml_refuses_what_python_refuses(
    setting: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = f"spec:\n  class_path: lightning_regkit.schedules.Cosine\n  init_args:\n    {setting}\n"
    with pytest.raises((SystemExit, ValueError)) as refused:
        parsed(config, tmp_path)
    assert text in capsys.readouterr().err + str(refused.value)


@EVERY_SPEC
def test_torch_drives_an_optimizer_by_any_schedule(spec: ScheduleSpec) -> None:
    schedule = compose(spec, HORIZON, warmup=0 if isinstance(spec, OneCycle) else "5ep")
    factors = torch_factors(lambda optimizer: LambdaLR(optimizer, schedule), 100)
    assert factors == [schedule(step) for step in range(100)]


@pytest.mark.parametrize(("total_steps", "warmup_steps", "left"), [(1, 0, 1), (10, 0, 10), (10, 3, 7), (10, 9, 1)])
def test_a_stretching_shape_has_what_the_warmup_leaves(total_steps: int, warmup_steps: int, left: int) -> None:
    assert steps_after_warmup("Cosine", Horizon(total_steps=total_steps), warmup_steps) == left


def test_a_shape_without_an_end_may_not_know_what_is_left() -> None:
    assert steps_left("InverseSqrt", Horizon(total_steps=10), 3) == 7
    assert steps_left("InverseSqrt", Horizon(total_steps=None), 3) is None


@pytest.mark.parametrize("warmup_steps", [10, 11])
def test_a_warmup_that_fills_the_run_is_refused(warmup_steps: int) -> None:
    text = f"Cosine: warmup_steps must be below the 10 steps of the run, got {warmup_steps}."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Cosine().build(Horizon(total_steps=10), warmup_steps)


def test_a_negative_warmup_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Cosine: warmup_steps must be an integer of at least 0, got -1\.$"):
        Cosine().build(Horizon(total_steps=10), -1)


def test_a_run_of_unknown_length_is_refused_with_what_to_pass() -> None:
    text = (
        "Cosine: the run must have a known number of steps, got None. "
        "Pass max_steps= to the Trainer, or max_epochs= with limit_train_batches=."
    )
    with pytest.raises(UnknownTotalError, match=f"^{re.escape(text)}$"):
        Cosine().build(Horizon(total_steps=None, epoch_ends=(10,)))
