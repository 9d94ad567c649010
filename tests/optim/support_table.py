"""What each optimizer does under what a Trainer can ask of it, as data; printed as a page of the docs.

``python -m tests.optim.support_table > docs/optimizers_support.md``. Every cell is proved in test_support_table.py.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

COLUMNS: Final = {
    "accumulation": "Accumulation",
    "fp16": "`16-mixed`",
    "bf16": "`bf16-mixed`",
    "clip_norm": "Clipping by norm",
    "clip_value": "Clipping by value",
    "ddp": "DDP",
    "groups": "Parameter groups",
}


@dataclass(frozen=True)
class Cell:
    verdict: Literal["supported", "note", "refused"]
    text: str = ""


SUPPORTED: Final = Cell("supported")
LBFGS_CLIPPED: Final = Cell(
    "refused",
    "ScheduleLR: gradient_clip_val must be None with LBFGS, got 0.05. "
    "A clipped gradient is not the slope of the loss that its line search measures.",
)
RPROP_CLIPPED: Final = Cell("note", "It reads signs only: clipping changes nothing.")
LAMB_CLIPPED: Final = Cell("note", "timm's lamb also clips by itself, to max_grad_norm = 1 over all groups together.")
EXCEPTIONS: Final = {
    ("lbfgs", "accumulation"): Cell(
        "refused",
        "ScheduleLR: accumulate_grad_batches must be 1 with LBFGS, got 2. "
        "It evaluates the loss of one batch again and again, never that of several: enlarge the batch.",
    ),
    ("lbfgs", "fp16"): Cell(
        "refused",
        "ScheduleLR: precision must need no gradient scaler with LBFGS, got '16-mixed'. "
        "A scaler serves one gradient a step, a line search takes several: choose 32-true or bf16-mixed.",
    ),
    ("lbfgs", "bf16"): Cell("note", "Losses that differ by less than rounding end its line search early."),
    ("lbfgs", "clip_norm"): LBFGS_CLIPPED,
    ("lbfgs", "clip_value"): LBFGS_CLIPPED,
    ("lbfgs", "ddp"): Cell(
        "refused",
        "ScheduleLR: world_size must be 1 with LBFGS, got 2. "
        "Each process decides by the loss of its own part of the batch; where two disagree, all wait forever.",
    ),
    ("lbfgs", "groups"): Cell(
        "refused",
        "optim.create: module must be one parameter group for lbfgs, got 2. Pass the module, or its parameters().",
    ),
    ("sam", "accumulation"): Cell(
        "refused",
        "SAM: closure must call zero_grad of the optimizer before backward, got one that did not, as with "
        "accumulate_grad_batches > 1, where only the last batch could be evaluated again. Enlarge the batch.",
    ),
    ("sam", "fp16"): Cell(
        "refused",
        "SAM: closure must be given to step, got None. "
        "A gradient scaler leaves none: choose 32-true or bf16-mixed precision.",
    ),
    ("sam", "clip_norm"): Cell(
        "note", "Both gradients are clipped, which leaves the direction of the climb as it was."
    ),
    ("sam", "clip_value"): Cell("note", "Both gradients are clipped: it climbs along the clipped one."),
    ("sam", "ddp"): Cell(
        "note", "It climbs along the mean gradient of all processes, where the paper takes each one's."
    ),
    ("sam", "groups"): Cell("note", "The radius is one for all groups together."),
    ("rprop", "clip_norm"): RPROP_CLIPPED,
    ("rprop", "clip_value"): RPROP_CLIPPED,
    ("lamb", "clip_norm"): LAMB_CLIPPED,
    ("lamb", "clip_value"): LAMB_CLIPPED,
    ("lamb", "groups"): LAMB_CLIPPED,
}
#: What Lightning itself refuses, by case.
BY_LIGHTNING: Final = {
    "`lbfgs`, `16-mixed`, no `ScheduleLR` in the Trainer": "AMP and the LBFGS optimizer are not compatible.",
    "`fused=True`, `16-mixed`, clipping": (
        "The current optimizer, AdamW, does not allow for gradient clipping because it performs unscaling of gradients "
        "internally. HINT: Are you using a 'fused' optimizer?"
    ),
}
NAMES: Final = (
    *("sgd", "momentum", "nesterov", "asgd", "lbfgs", "adagrad", "adadelta", "rmsprop", "rprop", "adam", "adamw"),
    *("adamax", "nadam", "radam", "adafactor", "muon", "lars", "lamb", "lion", "sam"),
)
HEAD: Final = """\
# Optimizers: what they support

Made by `python -m tests.optim.support_table > docs/optimizers_support.md`. Each cell is proved in a fit of a real
Trainer by `pytest tests/optim/test_support_table.py tests/ddp/test_optimizers.py`; a refusal is the sentence raised.

- **Accumulation**: two batches a step equal one batch of twice the size.
- **`16-mixed`**, with a gradient scaler: steps equal those of a loop written by hand; an overflow is skipped.
- **`bf16-mixed`**, **clipping**: steps equal those of a loop written by hand.
- **DDP**, two processes: weights equal on both, and equal to those of one process with the whole batch.
- **Parameter groups**: each group steps as an optimizer of its own would, with its own rate.
"""
FOOT: Final = """\
`timm/*`: tested for stepping only. `KFACPreconditioner` is a callback, with a card of its own. The refusals of `lbfgs`
that begin with `ScheduleLR` come from that callback, with any schedule (`rk.schedules.Constant()`): the optimizer
itself cannot see the Trainer.
"""


def cell(name: str, column: str) -> Cell:
    return EXCEPTIONS.get((name, column), SUPPORTED)


def page() -> str:
    """The page: a table, and under it what its numbers mean."""
    notes = list(dict.fromkeys(cell(*pair) for pair in product(NAMES, COLUMNS) if pair in EXCEPTIONS))
    lines = [f"| | {' | '.join(COLUMNS.values())} |", "|---" * (1 + len(COLUMNS)) + "|"]
    lines += [f"| `{name}` | {' | '.join(_mark(cell(name, column), notes) for column in COLUMNS)} |" for name in NAMES]
    legend = [f"{number}. {_worded(note)}" for number, note in enumerate(notes, start=1)]
    table = [f"| {case} | `{text}` |" for case, text in BY_LIGHTNING.items()]
    parts = [HEAD, *lines, "", *legend, "", "Refused by Lightning itself, in the first step:", ""]
    return "\n".join([*parts, "| Case | Message |", "|---|---|", *table, "", FOOT])


def _mark(entry: Cell, notes: list[Cell]) -> str:
    if entry == SUPPORTED:
        return "yes"
    return f"{'refused' if entry.verdict == 'refused' else 'yes'} ({notes.index(entry) + 1})"


def _worded(entry: Cell) -> str:
    return f"`{entry.text}`" if entry.verdict == "refused" else entry.text


if __name__ == "__main__":
    print(page(), end="")
