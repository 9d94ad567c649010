"""An evaluation with weights from a file, against the library that they are of."""

import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from torchvision.datasets import ImageFolder

from recipes import __main__ as cli
from recipes._smoke_data import VAL_FILES, write_image_folder

RECIPE = Path(__file__).parents[2] / "recipes" / "imagenet" / "eval_1crop.yaml"
CLASSES = 7


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_image_folder(folder, {})
    return folder


def expected(network: nn.Module, root: Path) -> float:
    """Compute the loss as torchvision does: its transforms, its data set, one batch."""
    transforms = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    images, labels = zip(*ImageFolder(root / "val", transforms), strict=True)
    assert len(images) == VAL_FILES
    with torch.no_grad():
        return functional.cross_entropy(network.eval()(torch.stack(images)), torch.tensor(labels)).item()


@pytest.mark.parametrize("name", ["torchvision.pth", "timm.safetensors"])
def test_one_crop_is_the_loss_of_the_library(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["recipes"])  # LightningCLI warns where it sees arguments twice
    torch.manual_seed(len(name))
    if name == "torchvision.pth":
        network: nn.Module = torchvision.models.resnet18(num_classes=CLASSES)
        torch.save(network.state_dict(), name)
    else:
        network = timm.create_model("resnet18", num_classes=CLASSES)
        save_file(network.state_dict(), name)
    places = [f"--data.root={root}", "--data.num_workers=0", f"--data.folder.cache={tmp_path}"]
    quiet = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"]
    own = ["--model.model=resnet18", f"--model.num_classes={CLASSES}", f"--model.model_options.weights={name}"]
    cli.main(["test", "--config", str(RECIPE), *own, *places, *quiet])

    found = next(line for line in capsys.readouterr().out.splitlines() if "test_loss" in line)
    assert float(found.strip("│ ").split()[-1]) == pytest.approx(expected(network, root), rel=1e-4)
