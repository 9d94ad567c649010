"""What the import of albumentations does, and does not; each in a fresh interpreter."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from lightning_regkit import augment
from lightning_regkit.augment._albumentations import albumentations as A

ALONE = ["unshare", "-rn"]
USE = """
import socket, warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "Implicitly cleaning up", ResourceWarning)  # torch 2.6 leaves a folder to the exit
import numpy as np
from torchvision.transforms import v2
from lightning_regkit import augment
try:
    socket.create_connection(("1.1.1.1", 53), timeout=2)
except OSError:
    print("alone")
photo = np.random.default_rng(0).integers(0, 256, (375, 500, 3), dtype=np.uint8)
policies = [
    augment.resnet_train(), augment.inception_train(), augment.color_simple(), augment.creative(probability=1.0),
    augment.eval_center(), augment.eval_multiscale(), augment.Lighting(augment.fit_lighting([photo])),
    augment.from_torchvision(v2.AutoAugment()), augment.from_timm("rand-m9-mstd0.5"),
]
for policy in policies:
    assert policy(image=photo)["image"].dtype == np.uint8
assert augment.Keyed([photo[:32, :32]], augment.cifar_train(), seed=0)[0, 0].shape == (32, 32, 3)
print("used")
"""


def run(script: str, *prefix: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*prefix, sys.executable, "-c", script], capture_output=True, text=True, check=False)


def may_unshare() -> bool:
    try:
        return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not may_unshare(), reason="this machine does not let us make a network namespace")
def test_everything_works_in_an_empty_network_namespace() -> None:
    result = run(USE, *ALONE)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["alone", "used"]
    assert result.stderr == ""


@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("0", "0")])
def test_it_does_not_ask_for_its_newest_release_unless_told_so(
    given: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_ALBUMENTATIONS_UPDATE", raising=False)
    if given is not None:
        monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", given)
    # A stand-in that says what it finds when it is imported.
    script = """
import os, sys, types
from importlib.abc import MetaPathFinder
class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "albumentations":
            print(os.environ["NO_ALBUMENTATIONS_UPDATE"])
            raise ImportError("seen enough")
sys.meta_path.insert(0, Finder())
try:
    import lightning_regkit.augment._albumentations
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [expected, "seen enough"]


def test_without_it_one_sentence_says_what_to_install() -> None:
    missing = "sys.modules.update(albumentations=None, cv2=None)"  # one brings the other
    script = f"import sys; {missing}; from lightning_regkit import augment; augment."
    for name in ("resnet_train", "Lighting", "Keyed", "from_torchvision", "fit_lighting"):
        result = run(script + name)
        assert result.stderr.splitlines()[-1] == (
            "ModuleNotFoundError: augment: albumentations must be installed, got None. "
            "Run pip install 'albumentations>=2.0.8,<2.1'."
        )
    assert run(script + "draw_resnet_crop").returncode == 0


def test_names_are_listed_before_they_are_loaded_and_others_are_refused() -> None:
    assert dir(augment) == sorted(augment.__all__)
    with pytest.raises(AttributeError, match=r"^module 'lightning_regkit\.augment' has no attribute 'fancy_pca'$"):
        _ = augment.fancy_pca


def test_what_it_lacks_itself_is_not_mistaken_for_it() -> None:
    result = run("import sys; sys.modules['pydantic'] = None; from lightning_regkit import augment; augment.creative")
    assert result.stderr.splitlines()[-1] == ("ModuleNotFoundError: import of pydantic halted; None in sys.modules")


class Places(Dataset[Any]):
    """Where a stock transform of albumentations cuts."""

    def __init__(self) -> None:
        self.crop = A.RandomCrop(1, 1)
        self.image = np.arange(10_000, dtype=np.float32).reshape(100, 100)

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> int:
        return int(self.crop(image=self.image)["image"].item())


def test_known_quirk_its_own_generators_are_the_same_in_every_worker_and_epoch() -> None:
    """The reason for ``Keyed``: once this fails, its docstring and card may say less."""
    loader = DataLoader(Places(), batch_size=4, num_workers=2)
    one, two, three, four = (batch.tolist() for batch in loader)
    assert (one, three) == (two, four)
    again = [batch.tolist() for batch in loader]
    assert again == [one, two, three, four]
