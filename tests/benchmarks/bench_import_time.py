"""Imports, each in a fresh interpreter: this package against what it is built on, and against the same of others."""

import subprocess
import sys
from collections.abc import Callable

from tests.benchmarks.harness import Against, Comparison

LIGHTNING = "import lightning.pytorch"
CALLBACKS = "from lightning_regkit.callbacks import *"
MIXING = "from lightning_regkit.mixing import apply_mixup, draw_mixup"
CREATE = "from lightning_regkit.optim import create"

#: Name, our statement, the peer's, and what the peer is; the first needs no heavy library.
PAIRS: list[tuple[str, str, str, Against]] = [
    ("import lightning_regkit / an empty program", "import lightning_regkit", "pass", "nothing"),
    ("all callbacks / lightning.pytorch alone", CALLBACKS, LIGHTNING, "nothing"),
    ("mixing / torch alone", MIXING, "import torch", "nothing"),
    ("mixing / torchvision's", MIXING, "from torchvision.transforms.v2 import MixUp", "best"),
    ("mixing / timm's", MIXING, "from timm.data import Mixup", "best"),
    ("optim.create / timm's", CREATE, "from timm.optim import create_optimizer_v2", "best"),
]


def comparisons(*, tiny: bool) -> list[Comparison]:
    pairs, rounds, warmup = (PAIRS[:1], 1, 0) if tiny else (PAIRS, 5, 1)
    return [Comparison(name, _fresh(ours), _fresh(peer), rounds, warmup, to) for name, ours, peer, to in pairs]


def _fresh(statement: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", statement], check=True)
