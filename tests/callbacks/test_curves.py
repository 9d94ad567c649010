"""What is driven, as declared: checks, the table, the text of the settings."""

from typing import Any

import pytest

from lightning_regkit.callbacks._curves import Curves
from lightning_regkit.schedules import Constant, Cosine, Horizon, Linear, Mirrored, Plateau, StepDecay

RUN = Horizon(total_steps=10, epoch_ends=(5, 10))


def curves(**options: Any) -> Curves:
    nothing = dict.fromkeys(("start_factor", "total_steps", "momentum", "weight_decay", "plateau"))
    return Curves(**{"spec": Linear(), "warmup": 0, **nothing, **options})


def test_build() -> None:
    (built,) = curves(warmup=2, start_factor=0.0, momentum=Mirrored(Linear(), 0.5), weight_decay=Linear()).build([RUN])
    assert list(built) == ["lr", "momentum", "weight_decay"]
    assert [built["lr"](step) for step in (0, 1, 2, 6, 10)] == [0.0, 0.5, 1.0, 0.5, 0.0]
    assert [built["momentum"](step) for step in (0, 5, 10)] == [0.5, 0.75, 1.0], "no warmup in front"
    assert [built["weight_decay"](step) for step in (0, 5, 10)] == [1.0, 0.5, 0.0]
    first, second = curves(spec=[Linear(), Constant()]).build([RUN, Horizon(4)])
    assert (first["lr"](5), second["lr"](5)) == (0.5, 1.0)
    assert [each["lr"](2) for each in curves().build([RUN, Horizon(4)])] == [0.8, 0.5]


def test_what_each_optimizer_is_driven_by() -> None:
    line, level = Linear(), Constant()
    assert curves().rows(2) == [{"lr": line}] * 2
    assert curves(weight_decay=level).rows(1) == [{"lr": line, "weight_decay": level}]
    assert curves(spec=[line, level], momentum=[None, line], weight_decay=level).rows(2) == [
        {"lr": line, "weight_decay": level},
        {"lr": level, "momentum": line, "weight_decay": level},
    ]
    with pytest.raises(
        ValueError, match=r"^ScheduleLR: momentum must list one for each of 1 optimizers, got \[None, L"
    ):
        curves(momentum=[None, line]).rows(1)


def test_a_trial_that_is_too_short_drives_nothing() -> None:
    text, driven = curves().lay_out([RUN], [[0.5]])
    assert text.endswith("rates        at step 0, 2, 5, 7, 9\n  group 0    0.5, 0.4, 0.25, 0.15, 0.05")
    assert driven[0]["lr"](5) == 0.5
    long = curves(warmup=10)
    assert long.lay_out([RUN, RUN], is_trial=True) == (
        "leaves the rates as they are, for fast_dev_run is too short: "
        "ScheduleLR: warmup must be shorter than the run of 10 steps, got 10. It takes 10 steps.",
        [{}, {}],
    )
    with pytest.raises(ValueError, match="warmup must be shorter"):
        long.lay_out([RUN])
    with pytest.raises(ValueError, match="one for each of 1 optimizers"):
        curves(spec=[Linear(), Linear()], warmup=10).lay_out([RUN], is_trial=True)


def test_the_table() -> None:
    everything = curves(
        warmup=2, momentum=Mirrored(Linear(), 0.9), weight_decay=Constant(), plateau=Plateau("val_loss", patience=0)
    )
    assert everything.explain([RUN, RUN]) == (
        "total steps  10\n"
        "warmup       x0.5 at step 0, straight to x1 at step 2\n"
        "schedule     Linear: x1 at step 2, straight to x0 at step 10, the end of the run\n"
        "last step    x0.125 at step 9\n"
        "momentum     Mirrored: x1 at 0 and x0.9 at 1 of "
        "(Linear: x1 at step 0, straight to x0 at step 10, the end of the run)\n"
        "weight decay Constant: x1 from step 0 on\n"
        "plateau      Plateau: x0.1 whenever val_loss gets no lower in 1 validation"
    )


def test_optimizers_that_differ_have_a_table_each() -> None:
    text = curves(spec=[Constant(), StepDecay(5), Constant()]).explain([RUN] * 3)
    assert text.splitlines()[::5] == ["optimizer 0, 2", "optimizer 1"]
    assert curves().explain([RUN, Horizon(20)]).splitlines()[:2] == ["optimizer 0", "total steps  10"]


def test_the_text_of_the_settings() -> None:
    start = "Linear(final_factor=0.0), warmup=0, start_factor=None, total_steps=None"
    assert str(curves()) == start
    assert str(curves(momentum=Cosine())) == f"{start}, momentum=Cosine(final_factor=0.0)"
    assert str(curves(spec=[Constant(), Cosine()], warmup="1ep", total_steps=(3, 4), weight_decay=Constant())) == (
        "[Constant(), Cosine(final_factor=0.0)], warmup='1ep', start_factor=None, total_steps=(3, 4), "
        "weight_decay=Constant()"
    )
    assert str(curves(momentum=[None, Constant()])) == f"{start}, momentum=[None, Constant()]"
    assert "plateau=Plateau(monitor='val_loss'" in str(curves(plateau=Plateau("val_loss")))


def test_another_number_of_optimizers_is_refused() -> None:
    for act in (curves(spec=[Constant(), Constant()]).build, curves(spec=(Constant(), Constant())).lay_out):
        with pytest.raises(ValueError, match="spec") as caught:
            act([RUN])
        assert str(caught.value) == (
            "ScheduleLR: spec must list one for each of 1 optimizers, got [Constant(), Constant()]."
        )
