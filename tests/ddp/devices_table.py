"""What each callback does where several processes work, as data; printed as a page of the docs.

``python -m tests.ddp.devices_table > docs/devices_support.md``. Every cell but those not tried is proved by tests/ddp.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from tests.ddp.rows import ROWS, Row
from tests.ddp.ways import SHARDED

COLUMNS: Final = {
    "ddp": "`ddp`",
    "unused": "`find_unused`",
    "spawn": "`ddp_spawn`",
    "sync": "`SyncBatchNorm`",
    "fully_shard": "`fully_shard`",
    "tensor": "tensor parallel",
    "fsdp": "`fsdp`",
    "deepspeed": "`deepspeed`",
}


@dataclass(frozen=True)
class Cell:
    """``text`` is the sentence of a refusal, in which ``{strategy}`` stands for the name of the class."""

    verdict: Literal["equal", "own", "agree", "refused", "not tried"]
    text: str = ""


#: Names of the strategies as they are refused.
STRATEGIES: Final = {
    "fully_shard": "ModelParallelStrategy",
    "tensor": "ModelParallelStrategy",
    "fsdp": "FSDPStrategy",
    "deepspeed": "DeepSpeedStrategy",
}
NOT_TRIED: Final = Cell("not tried")
WHOLE: Final = (
    "{owner}: strategy must keep the whole weights on every process: a single device, or DDP, got '{strategy}'."
)
LAYERS: Final = (
    "{owner}: strategy must leave parameters and gradients in the layers of the module, got '{strategy}'. "
    'Use "ddp", or ModelParallelStrategy with fully_shard.'
)
GRADIENTS: Final = (
    "{owner}: strategy must keep whole parameters on every rank, got '{strategy}'. Use \"ddp\" or one device."
)
RESTORE: Final = (
    "{owner}: restore must be False under {strategy}, which keeps parts of the module, got True. "
    'Load best_model_path with ckpt_path="best".'
)
ALL: Final = (*SHARDED, "deepspeed")
FLAT: Final = ("fsdp", "deepspeed")
SURGERY: Final = ("Surgery", "DropConnect", "StochasticDepth", "FractionalPooling")
#: Who refuses which strategies, and how.
REFUSALS: Final = {
    "KFACPreconditioner": (ALL, GRADIENTS),
    "CommandCenter": (ALL, WHOLE),
    "SnapshotEnsemble": (ALL, WHOLE),
    "EnsembleCheckpoints": (ALL, WHOLE),
    "ExactResume": (ALL, WHOLE),
    "BestEpochCheckpoint": (ALL, RESTORE),
    "WeightPenalty": (FLAT, LAYERS),
    "WeightPenalty, proximal=True": (FLAT, LAYERS),
    "RecalibrateBatchNorm": (FLAT, LAYERS),
    **dict.fromkeys(SURGERY, (ALL, WHOLE)),
}
EXCEPTIONS: Final = {
    **{
        (key, way): Cell("refused", text.replace("{owner}", key.partition(",")[0]))
        for key, (ways, text) in REFUSALS.items()
        for way in ways
    },
    ("RecalibrateBatchNorm", "sync"): Cell("equal"),
    # One of a class is spawned.
    ("WeightPenalty, proximal=True", "spawn"): NOT_TRIED,
    ("BestEpochCheckpoint, restore=False", "spawn"): NOT_TRIED,
    # What parts of a layer make of the statistics, or of dropout, is for the module to say.
    ("RecalibrateBatchNorm", "tensor"): NOT_TRIED,
    ("MonteCarloDropout", "tensor"): NOT_TRIED,
}
WORDS: Final = {"equal": "equal", "own": "own noise", "agree": "agree", "refused": "refused", "not tried": "not tried"}
HEAD: Final = """\
# Many devices: what each callback does

Made by `python -m tests.ddp.devices_table > docs/devices_support.md`. Each cell that was tried is proved by two
processes on CPU, with gloo, in `pytest tests/ddp/test_every_callback.py`; a refusal is the sentence raised, on both.

- **equal**: the two end with what one process has that takes the batches of both: weights, rates, and what the callback
  decides or leaves behind. Under tensor parallelism, where both have the same batch: what one process has with that.
- **own noise**: each process draws its own, and weights are equal on both.
- **agree**: both have the same. What one process would have is something else: statistics of larger batches, or noise
  of torch's generator for larger ones.
- **refused** in one sentence, before the first step; STRATEGY is the name of the class.
- **not tried**: no more is known.

The columns are values of `Trainer(strategy=)`, but for these:

- `find_unused` is `ddp_find_unused_parameters_true`, with a layer that is never used and one that is used by some
  processes in some batches.
- `SyncBatchNorm`: torch's own works on a GPU only. What is tried is the same computation in plain torch, put in by the
  same plugin as `Trainer(sync_batchnorm=True)`.
- `fully_shard` and tensor parallel are `ModelParallelStrategy`, whose `configure_model` takes the module into parts.
- `fsdp`: Lightning wants a GPU for it. What is tried is a subclass that does not ask.
- `deepspeed`: it is refused by the name of its class; nothing else is tried.
"""
MEETINGS: Final = """\
## Collectives

How often processes meet beyond a bare Trainer's, which do twice a step: for the gradients, and to tell of SIGTERM.
Counted in fits of 4 and 8 steps an epoch, of 1 and 2 epochs, each with one validation, by
`pytest tests/ddp/test_collectives.py`. In a test, a step is a batch.

| | a step | an epoch |
|---|---|---|
"""
FOOT: Final = """\
`KFACPreconditioner(update_every=2)`: in every second step the sum of the moments, and the barrier that Lightning puts
before one. `BestEpochCheckpoint`: a gather, which takes two, at each check; more where a file is kept.
`ExactResume(every="1ep")`: a gather and Lightning's barrier at each save. `RecalibrateBatchNorm`: a mean, with its
barrier, at each validation.
"""


def cell(row: Row, way: str) -> Cell:
    default = NOT_TRIED if way == "deepspeed" else Cell("equal" if way == "tensor" else row.proof)
    return EXCEPTIONS.get((row.key, way), default)


def sentence(row: Row, way: str) -> str:
    """What is raised, where it is refused."""
    return cell(row, way).text.replace("{strategy}", STRATEGIES[way])


def page() -> str:
    """The page: a table, under it what its numbers mean, and another table."""
    pairs = list(product(ROWS, COLUMNS))
    notes = list(dict.fromkeys(cell(*pair).text for pair in pairs if cell(*pair).verdict == "refused"))
    lines = [f"| | {' | '.join(COLUMNS.values())} |", "|---" * (1 + len(COLUMNS)) + "|"]
    lines += [f"| {_named(row)} | {' | '.join(_mark(row, way, notes) for way in COLUMNS)} |" for row in ROWS]
    legend = [f"{number}. `{note}`".replace("{strategy}", "STRATEGY") for number, note in enumerate(notes, start=1)]
    counts = [f"| {_named(row)} | {row.collectives[0]:g} | {row.collectives[1]:g} |" for row in ROWS]
    return "\n".join([HEAD, *lines, "", *legend, "", MEETINGS + "\n".join(counts), "", FOOT])


def _named(row: Row) -> str:
    return f"`{row.name}({row.variant})`" if row.variant else f"`{row.name}`"


def _mark(row: Row, way: str, notes: list[str]) -> str:
    word = WORDS[cell(row, way).verdict]
    return f"{word} ({notes.index(cell(row, way).text) + 1})" if word == "refused" else word


if __name__ == "__main__":
    print(page(), end="")
