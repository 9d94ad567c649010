from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from recipes.weights import load_weights


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 3))


@pytest.fixture
def trained() -> nn.Module:
    torch.manual_seed(1)
    found = network()
    for tensor in found.state_dict().values():
        tensor.copy_(torch.arange(1, tensor.numel() + 1).view_as(tensor))
    return found


def is_loaded(net: nn.Module, other: nn.Module) -> bool:
    pairs = zip(net.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(one, two) for one, two in pairs)


WRITE: dict[str, Callable[[dict[str, Any], Path], Any]] = {
    "w.safetensors": save_file,
    "w.pth": torch.save,
    "checkpoint.pth": lambda state, path: torch.save({"state_dict": state, "epoch": 3}, path),
}


@pytest.mark.parametrize("name", WRITE)
def test_reads_every_kind_of_file(name: str, trained: nn.Module, tmp_path: Path) -> None:
    WRITE[name](trained.state_dict(), tmp_path / name)
    net = network()
    assert not is_loaded(net, trained)
    load_weights(net, str(tmp_path / name))
    assert is_loaded(net, trained)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_names_and_shapes_of_torchvision_are_those_of_timm(name: str, tmp_path: Path) -> None:
    with torch.device("meta"):
        theirs, ours = torchvision.models.get_model(name), timm.create_model(name)
    shapes = [{key: tensor.shape for key, tensor in net.state_dict().items()} for net in (theirs, ours)]
    assert shapes[0] == shapes[1]


def test_a_network_of_torchvision_computes_the_same_from_its_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=7).eval()
    torch.save(theirs.state_dict(), tmp_path / "resnet18.pth")
    ours = timm.create_model("resnet18", num_classes=7).eval()
    load_weights(ours, str(tmp_path / "resnet18.pth"))
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images))


def test_counters_of_batches_may_be_missing(trained: nn.Module, tmp_path: Path) -> None:
    """torchvision's older files have none."""
    state = {name: tensor for name, tensor in trained.state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "w.pth")
    net = network()
    load_weights(net, str(tmp_path / "w.pth"))
    assert torch.equal(net[0].weight, trained[0].weight)  # type: ignore[index]
    assert net[1].num_batches_tracked == 0  # type: ignore[index]


def refusal(state: Any, tmp_path: Path, kind: type[Exception] = ValueError) -> str:
    if state is not None:
        torch.save(state, tmp_path / "w.pth")
    net = network()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(kind, match="must") as error:
        load_weights(net, str(tmp_path / "w.pth"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    return str(error.value).replace(str(tmp_path), "")


def test_other_weights_are_refused_in_one_sentence(trained: nn.Module, tmp_path: Path) -> None:
    state = trained.state_dict()
    start = (
        "ImageClassifier: weights must hold the weights of the network, all of them and no others, got '/w.pth', which"
    )
    missing = {name: tensor for name, tensor in state.items() if not name.startswith("2.")}
    assert refusal(missing, tmp_path) == f"{start} lacks 2.weight, 2.bias."
    more = {**state, **{f"3.{name}": tensor for name, tensor in state.items()}}
    assert refusal(more, tmp_path) == f"{start} has besides 3.0.weight, 3.0.bias, 3.1.weight, 6 more."
    other = {**missing, "2.bias": torch.zeros(1000), "head.weight": torch.zeros(1)}
    expected = f"{start} lacks 2.weight and has besides head.weight and has in another shape 2.bias."
    assert refusal(other, tmp_path) == expected


def test_other_files_are_refused(tmp_path: Path) -> None:
    assert refusal(None, tmp_path, FileNotFoundError) == (
        "ImageClassifier: weights must be a file, got '/w.pth'. Download it there."
    )
    assert refusal([torch.zeros(1)], tmp_path) == (
        "ImageClassifier: weights must be a mapping from names to tensors, got '/w.pth' with something else."
    )
    assert refusal({"epoch": 3}, tmp_path).endswith("got '/w.pth' with something else.")
    (tmp_path / "w.pth").write_bytes(b"nothing")
    assert refusal(None, tmp_path).startswith(
        "ImageClassifier: weights must be a file of safetensors, or of torch.save with tensors alone, got '/w.pth': "
    )
    (tmp_path / "w.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a file of safetensors"):
        load_weights(network(), str(tmp_path / "w.safetensors"))


class Harmful:
    """Would write a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    said = refusal({"w": Harmful(tmp_path / "harm")}, tmp_path)
    assert "torch.save with tensors alone" in said
    assert "\n" not in said
    assert not (tmp_path / "harm").exists()
