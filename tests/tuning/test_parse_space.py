"""Spaces in words."""

import pytest

from lightning_regkit.tuning import Among, Between, parse_space


def test_every_form() -> None:
    words = [
        "lr=1e-4..1e-1",
        "momentum=0.8..0.99:linear",
        "Mixup.alpha=0.1..1:linear:6",
        "WeightPenalty.l2=1e-5..1e-3:3",
        "weight_decay=1e-4",
        "optimizer=nesterov,adamw",
        "optimizer.nesterov=True,False",
        "ScheduleLR.warmup=0,1ep,0.1run",
        "module.width=32,64,None",
    ]
    assert parse_space(words) == {
        "lr": Between(1e-4, 1e-1),
        "momentum": Between(0.8, 0.99, is_log=False),
        "Mixup.alpha": Between(0.1, 1.0, is_log=False, points=6),
        "WeightPenalty.l2": Between(1e-5, 1e-3, points=3),
        "weight_decay": Among((1e-4,)),
        "optimizer": Among(("nesterov", "adamw")),
        "optimizer.nesterov": Among((True, False)),
        "ScheduleLR.warmup": Among((0, "1ep", "0.1run")),
        "module.width": Among((32, 64, None)),
    }
    assert parse_space([]) == {}


@pytest.mark.parametrize(
    "word", ["lr", "lr=", "=1", "lr=a..b", "lr=1..2:log", "lr=1..2:3:4", "lr=1..2:0", "lr=1..2..3"]
)
def test_other_forms_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="must be NAME=A,B,C or") as refused:
        parse_space([word])
    assert str(refused.value).startswith("tuning.parse_space: each must be NAME=A,B,C or NAME=LOW..HIGH, with :linear ")
    assert str(refused.value).endswith(f", got {word!r}.")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["lr=1", "lr=2"], r"each name once, got 'lr=2'\.$"),
        (["rate=1,2"], r"^tuning\.parse_space: space must be of lr, .* got 'rate'\.$"),
        (["lr=0..1"], r"^tuning\.Between: low must be above 0 with is_log, got 0\.0\. Pass is_log=False\.$"),
        (["lr=1..1"], r"^tuning\.Between: high must be above low, 1\.0, got 1\.0\.$"),
        (["lr=1,1"], r"^tuning\.Among: values must be different ones"),
    ],
    ids=range(5),
)
def test_other_refusals(words: list[str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_space(words)
