"""Inputs among a call's arguments, logits in a predictor's output."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from lightning_regkit._lightning._calls import inputs_of_call, logits_of, predictors, with_logits

X, LOGITS, MEAN, FEATURES = torch.zeros(2, 1, 4, 4), torch.zeros(2, 3), torch.ones(2, 3), torch.zeros(2, 8)


class Output(NamedTuple):
    scores: Tensor
    features: Tensor


@dataclass
class Data:
    logits: Tensor
    features: Tensor


@pytest.mark.parametrize(
    ("args", "kwargs", "path"),
    [
        ((X,), {}, (0, 0)),
        ((X, FEATURES), {"x": LOGITS}, (0, 0)),
        ((), {"pixel_values": X, "labels": LOGITS}, (1, "pixel_values")),
        ((), {"hidden": X}, None),
        ((), {"x": X, "images": X}, None),
        (([X[0], X[0, :, :2]],), {}, (0, 0)),
        (([X],), {}, None),
        ((3,), {}, None),
        ((), {"x": "text"}, None),
        ((), {}, None),
    ],
)
def test_inputs_of_call(args: tuple[Any, ...], kwargs: dict[str, Any], path: Any) -> None:
    assert inputs_of_call(args, kwargs) == path


@pytest.mark.parametrize(
    ("output", "key"),
    [
        (LOGITS, "logits"),
        ((LOGITS, FEATURES), "logits"),
        ([LOGITS], "logits"),
        (Output(LOGITS, FEATURES), "logits"),
        ({"logits": LOGITS, "loss": None}, "logits"),
        (OrderedDict(out=LOGITS, aux=FEATURES), "out"),
        (Data(LOGITS, FEATURES), "logits"),
    ],
)
def test_logits_are_read_and_replaced_in_every_container(output: Any, key: str) -> None:
    assert logits_of(output, "Crops", key) is LOGITS
    averaged = with_logits(output, key, MEAN)
    assert type(averaged) is type(output)
    assert logits_of(averaged, "Crops", key) is MEAN
    assert logits_of(output, "Crops", key) is LOGITS, "the predictor's own output stays"


def test_what_belongs_to_one_view_is_not_passed_on() -> None:
    assert with_logits((LOGITS, FEATURES), "logits", MEAN) == (MEAN, None)
    assert with_logits({"loss": FEATURES, "logits": LOGITS}, "logits", MEAN) == {"loss": None, "logits": MEAN}
    assert with_logits(Data(LOGITS, FEATURES), "logits", MEAN).features is None


def test_a_mapping_without_the_key_is_refused() -> None:
    with pytest.raises(ValueError, match="logits_key") as caught:
        logits_of({"out": LOGITS, "aux": FEATURES}, "Crops", "logits")
    assert str(caught.value) == (
        "Crops: logits_key must be one of ['out', 'aux'], got 'logits'. "
        "Name the one to average: readout=Readout(logits_key=)."
    )


@pytest.mark.parametrize(("output", "kind"), [(None, "NoneType"), (({},), "dict"), (3.0, "float")])
def test_what_is_no_tensor_is_refused(output: Any, kind: str) -> None:
    with pytest.raises(TypeError) as caught:
        logits_of(output, "Crops", "logits")
    assert str(caught.value) == f"Crops: the predictor must return logits, got {kind}."


def test_predictors_are_the_root_and_the_child_that_holds_everything() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    root = nn.Module()
    root.net, root.loss = net, nn.CrossEntropyLoss()
    assert predictors("MultiCrop", root, None) == [root, net]
    assert predictors("MultiCrop", root, "net.0") == [net[0]]
    root.head = nn.Linear(2, 1)
    assert predictors("MultiCrop", root, None) == [root]


def test_without_parameters_no_child_holds_them_all() -> None:
    root = nn.Sequential(nn.ReLU())
    assert predictors("MultiCrop", root, None) == [root]


def test_an_unknown_predictor_is_refused() -> None:
    with pytest.raises(ValueError, match="predictor") as caught:
        predictors("MultiCrop", nn.Sequential(nn.ReLU()), "head")
    assert str(caught.value) == "MultiCrop: predictor must name a submodule, got 'head'. Submodules: 0."
