"""Is what would be uploaded right? ``make release-check``.

Builds wheel and sdist from the committed files, looks into both, installs the wheel alone into a new environment, runs
the ten lines of the README there, and lets mypy look at them as a user's.
"""

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
#: What the ten lines are about: a module and data of the reader's own.
BEFORE: Final = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

DATA = TensorDataset(torch.randn(8, 3, 16, 16), torch.arange(8) % 2)


class Module(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(768, 2))

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return configure_optimizers(self)


module, datamodule = Module(), DataLoader(DATA, batch_size=4)
"""
TYPED: Final = """
import lightning_regkit as rk

reveal_type(rk.callbacks.Mixup(alpha=0.2))
rk.callbacks.Mixup(alpha="0.2")
"""


def run(*words: str | Path, cwd: Path, may_fail: bool = False) -> str:
    """Run a command, show it, and return what it printed."""
    print("$", *words, flush=True)
    done = subprocess.run([str(word) for word in words], cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode and not may_fail:
        sys.exit(f"{done.stdout}{done.stderr}")
    return done.stdout


def refuse(found: Sequence[str], what: str) -> None:
    """Stop where there is anything that should not be."""
    if found:
        sys.exit(f"{what}: {', '.join(found[:9])}")


def script() -> str:
    """Return the ten lines of the README, with a module for them."""
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[:1]
    head, tail = block.split("schedule = ")
    return f"import lightning.pytorch as L\n{head}{BEFORE}schedule = {tail}".replace("max_epochs=90", "max_epochs=6")


def built(folder: Path) -> tuple[Path, Path]:
    """Build what is committed, and return the wheel and the sdist."""
    run("git", "clone", "--quiet", ROOT, folder / "clone", cwd=folder)
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", cwd=folder / "clone")
    run(sys.executable, "-m", "twine", "check", "--strict", *(folder / "dist").iterdir(), cwd=folder)
    (wheel,), (sdist,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, sdist


def check_content(wheel: Path, sdist: Path) -> None:
    """The wheel holds the package and what describes it; the sdist, what a build from it needs."""
    inside = zipfile.ZipFile(wheel).namelist()
    refuse([name for name in inside if not re.match(r"lightning_regkit(-[\d.]+\.dist-info)?/", name)], "in the wheel")
    refuse([name for name in ("lightning_regkit/py.typed",) if name not in inside], "not in the wheel")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ("LICENSE", "README.md", "pyproject.toml", "lightning_regkit/__init__.py")
    refuse([name for name in wanted if name not in names], "not in the sdist")


def main() -> None:
    """Run all checks; the first that fails ends them."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = built(folder)
        check_content(wheel, sdist)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, "mypy", cwd=folder)
        (folder / "ten_lines.py").write_text(script())
        run(python, "ten_lines.py", cwd=folder)
        run(python, "-m", "mypy", "ten_lines.py", cwd=folder)
        (folder / "typed.py").write_text(TYPED)
        seen = run(python, "-m", "mypy", "typed.py", cwd=folder, may_fail=True)
        refuse([] if "_mixup.Mixup" in seen and "arg-type" in seen else [seen], "mypy does not see the types")
    print(f"{wheel.name} and {sdist.name} are right.")


if __name__ == "__main__":
    main()
