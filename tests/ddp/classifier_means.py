"""Script: losses and accuracies of the recipes' classifier, on batches that two processes do not share evenly."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

import lightning_regkit as rk
from recipes.classifier import ImageClassifier
from tests.ddp.support import ddp_trainer, leave, write
from tests.support import images

COUNT, BATCH_SIZE = 7, 2


class Unequal(Dataset[Any]):
    """Images of as many sizes as there are."""

    def __init__(self, *, is_ragged: bool) -> None:
        self.inputs, self.targets = images(COUNT)
        self.is_ragged = is_ragged

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = self.inputs[index]
        return (image.repeat(1, 1 + index % 3, 2) if self.is_ragged else image), int(self.targets[index])


def ragged(samples: list[Any]) -> tuple[list[torch.Tensor], torch.Tensor]:
    return [image for image, _ in samples], torch.tensor([label for _, label in samples])


def module() -> ImageClassifier:
    torch.manual_seed(0)
    optimizer = {"name": "sgd", "lr": 1e-12}
    return ImageClassifier("softmax_regression", 3, optimizer, model_options={"in_chans": 1, "side_px": 4})


def started() -> ImageClassifier:
    """Return a module whose weights are not all zero."""
    found = module()
    for parameter in found.parameters():
        torch.nn.init.normal_(parameter)
    return found


def evaluated(own: Any, *, is_ragged: bool) -> dict[str, float]:
    data = Unequal(is_ragged=is_ragged)
    sampler = rk.samplers.ExactDistributedSampler(data)
    collate = ragged if is_ragged else None
    (metrics,) = own.test(started(), DataLoader(data, BATCH_SIZE, sampler=sampler, collate_fn=collate), verbose=False)
    return dict(metrics)


def trained(own: Any) -> dict[str, float]:
    """Batches of 2, 2 on either process, of which one image is dealt to both."""
    data = Unequal(is_ragged=False)
    sampler = rk.samplers.ResumableSampler(data, shuffle=False)
    own.fit(started(), DataLoader(data, 3, sampler=sampler), DataLoader(data, 3, sampler=sampler))
    return {name: float(value) for name, value in own.callback_metrics.items()}


def everything(make: Any) -> dict[str, dict[str, float]]:
    crop = rk.callbacks.MultiCrop("center", resize_px=[], crop_px=4, curve=False, allow_upscale=True)
    return {
        "test": evaluated(make(), is_ragged=False),
        "ragged": evaluated(make(callbacks=[crop]), is_ragged=True),
        "train": trained(make(max_epochs=1)),
    }


def main(folder: Path) -> None:
    found = everything(ddp_trainer)
    write(folder, torch.distributed.get_rank(), found)
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
