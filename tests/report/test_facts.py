"""What is said of a group, word by word."""

import math

from lightning_regkit.report import Group, Run, Series
from lightning_regkit.report._facts import facts


def group(*runs: dict[str, Series]) -> Group:
    made = tuple(Run(f"run-{seed}", series) for seed, series in enumerate(runs))
    return Group("a", made, tuple(map(str, range(len(made)))))


def test_one_run() -> None:
    series = {
        "epoch": Series((999, 1999), (0.0, 1.0)),
        "val_acc": Series((999, 1999), (0.75, 0.5)),
        "val_loss": Series((999, 1999), (0.5, 0.123456)),
        "train_loss": Series((999, 1999), (0.5, 0.25)),
        "test_acc": Series((1000, 2000), (0.6, 0.7)),
        "ensemble/accuracy_last_1": Series((2000,), (0.9,)),
    }
    assert facts(group(series)) == (
        ("logged until", "step 2,000, epoch 1"),
        ("best val_acc", "0.75 at step 999, epoch 0"),
        ("best val_loss", "0.1235 at step 1,999, epoch 1"),
        ("test_acc", "0.7"),
    )


def test_seeds() -> None:
    runs = [
        {"val_loss": Series((1, 2), (seed, 1.0)), "test_acc": Series((3,), (0.5 + seed / 4,))} for seed in (0.0, 1.0)
    ]
    assert facts(group(*runs)) == (
        ("logged until", "step 3"),
        ("best val_loss", "0.5 at step 1"),
        ("test_acc", "0.625 ± 0.18"),
    )


def test_seeds_that_ended_apart() -> None:
    runs = [{"val_acc": Series((1, end), (0.5, 0.75))} for end in (20, 1500)]
    assert facts(group(*runs)) == (("logged until", "step 20 to 1,500"), ("best val_acc", "0.5 at step 1"))


def test_what_is_not_finite_is_said() -> None:
    bad = Series((1, 2, 3), (0.5, math.inf, math.nan))
    fine = Series((1, 2, 3), (0.5, 0.5, 0.5))
    said = "2 of 3 values are not finite, the first at step 2"
    assert facts(group({"train_loss": bad}))[1:] == (("train_loss", said),)
    assert facts(group({"train_loss": fine}, {"train_loss": bad}))[1:] == (("train_loss of run-1", said),)


def test_nothing_finite_has_no_best() -> None:
    assert "best val_loss" not in dict(facts(group({"val_loss": Series((1,), (math.nan,))})))


def test_a_test_of_some_runs_alone() -> None:
    runs = [{"test_acc": Series((1,), (0.5,)), "gap": Series((1,), (0.5,))}, {"gap": Series((1,), (0.5,))}]
    assert dict(facts(group(*runs)))["test_acc"] == "0.5"


def test_nothing_was_logged() -> None:
    assert facts(group({})) == (("logged until", "nothing was logged"),)
