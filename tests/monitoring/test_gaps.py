import pytest

from lightning_regkit.monitoring import gaps, paired_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train_loss", "val_loss"], {"loss": ("train_loss", "val_loss")}),
        (["val/acc", "train/acc"], {"acc": ("train/acc", "val/acc")}),
        (["train/loss", "val_loss"], {"loss": ("train/loss", "val_loss")}),
        (["train_loss", "val_acc", "loss", "lr-SGD"], {}),
        (["train_a", "train_a_step", "train_a_epoch", "val_a_epoch", "val_a"], {"a": ("train_a", "val_a")}),
        (["train_b", "train_a", "val_b", "val_a"], {"a": ("train_a", "val_a"), "b": ("train_b", "val_b")}),
        (["train", "val", "trainer_loss", "value_loss"], {}),
        ([], {}),
    ],
)
def test_what_is_logged_for_both_is_paired(names: list[str], expected: dict[str, tuple[str, str]]) -> None:
    assert paired_names(names) == expected
    assert list(paired_names(reversed(names))) == list(expected)


def test_of_two_names_for_one_thing_the_first_in_order_counts() -> None:
    assert paired_names(["train_loss", "train/loss", "val_loss"]) == {"loss": ("train/loss", "val_loss")}


def test_a_gap_is_validation_minus_training() -> None:
    metrics = {"a": 0.5, "b": 2.0, "c": 1.0}
    assert gaps(metrics, {"loss": ("a", "b"), "accuracy": ("b", "c")}) == {"loss": 1.5, "accuracy": -1.0}


def test_where_one_is_missing_there_is_no_gap() -> None:
    assert gaps({"a": 0.5}, {"loss": ("a", "b"), "accuracy": ("b", "a")}) == {}
