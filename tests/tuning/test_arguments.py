"""Words of a command line."""

from typing import Any

import pytest

from lightning_regkit import cli
from lightning_regkit.callbacks import Mixup, ScheduleLR
from lightning_regkit.schedules import Cosine, Milestones
from lightning_regkit.tuning._arguments import callbacks_given, given, imported

HERE = "tests.tuning.support"


def test_arguments_are_literals_schedules_or_texts() -> None:
    words = ["a=1", "b=0.5", "c=resnet18", "d=[1, 2]", "e=None", "f=x=y", "g=", "h=Cosine(final_factor=0.1)"]
    words += ["i=Milestones(['30ep'])", "j=Cosine(x)", "k=Nothing()", "l=cosine", "m=(", "n='Cosine()'"]
    assert given("module", words) == {
        "a": 1,
        "b": 0.5,
        "c": "resnet18",
        "d": [1, 2],
        "e": None,
        "f": "x=y",
        "g": "",
        "h": Cosine(final_factor=0.1),
        "i": Milestones(["30ep"]),
        "j": "Cosine(x)",
        "k": "Nothing()",
        "l": "cosine",
        "m": "(",
        "n": "Cosine()",
    }
    with pytest.raises(ValueError, match=r"^tune: --data-arg must be NAME=VALUE, got 'a'\.$"):
        given("data", ["a"])
    with pytest.raises(TypeError, match="eta_min"):
        given("data", ["a=Cosine(eta_min=0)"])


@pytest.mark.parametrize("path", [HERE, f"{HERE}:Nothing", "no.such:Class", ":Class", f"{HERE}:CPU"])
def test_what_cannot_be_imported_is_said(path: str) -> None:
    with pytest.raises(SystemExit, match=r"^tune: --module must be importable as pkg\.mod:Class, got '"):
        cli.main(["tune", "--module", path])


def test_arguments_are_bound_and_may_be_replaced() -> None:
    make = imported("module", f"{HERE}:Net", {"lr": 0.5})
    assert (make().lr, make(lr=0.25).lr) == (0.5, 0.25)


def test_callbacks_are_ours_or_have_a_path() -> None:
    names = ["ScheduleLR", "Mixup", f"{HERE}:scheduled"]
    words = ["ScheduleLR.spec=Cosine()", "ScheduleLR.warmup=2ep", "Mixup.alpha=0.4", "scheduled.warmup=3ep"]
    first, second, third = (make() for make in callbacks_given(names, words))
    assert isinstance(first, ScheduleLR)
    assert isinstance(second, Mixup)
    assert isinstance(third, ScheduleLR)
    assert (first.spec, first.warmup, second.alpha, third.warmup) == (Cosine(), "2ep", 0.4, "3ep")
    assert callbacks_given([], []) == ()


@pytest.mark.parametrize("word", ["alpha=0.4", "CutMix.alpha=0.4", "Mixup=0.4"])
def test_an_argument_of_no_callback_is_refused(word: str) -> None:
    name = word.partition("=")[0]
    text = rf"^tune: --callback-arg must be CALLBACK\.NAME=VALUE of a --callback, got '{name}'\.$"
    with pytest.raises(ValueError, match=text):
        callbacks_given(["Mixup"], [word])


def test_an_unknown_callback_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^tune: --callback must be importable .* has no attribute 'Mixop'$"):
        callbacks_given(["Mixop"], [])
    monkeypatch.chdir("/")
    made: Any = callbacks_given(["Mixup"], [])
    assert len(made) == 1
