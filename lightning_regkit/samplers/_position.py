"""From batches to examples and back: where in its data an interrupted epoch stands."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, final

from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from lightning_regkit._checks import message
from lightning_regkit.samplers._resumable import ResumableSampler

if TYPE_CHECKING:
    from torch.utils.data import Sampler

__all__ = ["LoaderPlan", "resumable_sampler"]

_REMEDY = "Pass DataLoader(dataset, batch_size=..., sampler=ResumableSampler(dataset))."


@final
@dataclass(frozen=True)
class LoaderPlan:
    """How a training loader deals its data set into batches.

    Args:
        num_examples: n, size of the data set, >= 1.
        batch_size: Examples in a batch of one process, >= 1.
        drop_last: Whether a short last batch is dropped.
        shuffle: Whether the order is random.
        seed: Seed of the order.
        draws_seed: Whether its iterators draw the seed of their workers from torch's global generator.
        is_cycled: Whether it begins again in the epoch once it is used up, as the shorter of several loaders may.

    Returns:
        An immutable value; ``vars`` of it are numbers and booleans.

    Example:
        >>> plan = LoaderPlan(num_examples=10, batch_size=2, drop_last=False, shuffle=True, seed=0)
        >>> plan.examples_in(3, world_size=1), plan.batches_after(6, world_size=2)
        (6, 1)
    """

    num_examples: int
    batch_size: int
    drop_last: bool
    shuffle: bool
    seed: int
    draws_seed: bool = True
    is_cycled: bool = False

    def examples_in(self, batches: int, *, world_size: int) -> int:
        """Count the examples that all processes together use in their first ``batches`` batches, at most n.

        Of a cycled loader, those of the pass that the last of these batches belongs to.
        """
        if self.is_cycled and batches > 0:
            batches = (batches - 1) % max(1, self.batches_after(0, world_size=world_size)) + 1
        return min(self.num_examples, batches * self.batch_size * world_size)

    def batches_after(self, start: int, *, world_size: int) -> int:
        """Count the batches of one process that begin at the global example ``start``."""
        examples = math.ceil((self.num_examples - start) / world_size)
        return examples // self.batch_size if self.drop_last else math.ceil(examples / self.batch_size)

    def refuse_other(self, owner: str, saved: dict[str, Any]) -> None:
        """Refuse to enter an epoch whose batches were made otherwise.

        Args:
            owner: Public name of what the user called.
            saved: ``vars`` of the plan in the checkpoint.

        Raises:
            ValueError: Names what differs, now and in the checkpoint.
        """
        other = {name: now for name, now in asdict(self).items() if now != saved[name] and name != "draws_seed"}
        if other:
            was = {name: saved[name] for name in other}
            remedy = "Set it back, or resume from a checkpoint of the end of an epoch."
            raise ValueError(
                message(owner, "the training data", f"be dealt as the checkpoint says, {was}", other, remedy)
            )


def resumable_sampler(owner: str, loader: object) -> tuple[ResumableSampler, LoaderPlan]:
    """Find the resumable sampler of a training loader.

    Args:
        owner: Public name of what the user called.
        loader: What ``train_dataloader`` returned, one of them.

    Returns:
        The sampler, and how the loader deals it into batches.

    Raises:
        TypeError: The loader is no plain ``DataLoader``, holds a stream, or draws through another sampler.

    Example:
        >>> loader = DataLoader(range(10), batch_size=2, sampler=ResumableSampler(range(10), seed=3))
        >>> sampler, plan = resumable_sampler("ExactResume", loader)
        >>> sampler.seed, plan.batch_size
        (3, 2)
    """
    if any(base.__name__ == "StatefulDataLoader" for base in type(loader).__mro__):
        remedy = f"It loses an epoch when saved in its last batch. {_REMEDY}"
        raise TypeError(message(owner, "train_dataloader", "be a plain DataLoader", type(loader).__name__, remedy))
    if not isinstance(loader, DataLoader):
        raise TypeError(message(owner, "train_dataloader", "be a DataLoader", type(loader).__name__, _REMEDY))
    if isinstance(loader.dataset, IterableDataset):
        condition, found = "hold a data set with __getitem__ and __len__", type(loader.dataset).__name__
        remedy = "A stream has no place to go on from: resume it by a ModelCheckpoint alone."
        raise TypeError(message(owner, "train_dataloader", condition, found, remedy))
    batches, batch_size, drop_last = loader.batch_sampler, 1, False
    sampler: Sampler[Any] | Any = loader.sampler
    if isinstance(batches, BatchSampler):
        sampler, batch_size, drop_last = batches.sampler, batches.batch_size, batches.drop_last
    elif batches is not None:
        sampler = batches
    if not isinstance(sampler, ResumableSampler):
        condition = "draw through ResumableSampler"
        raise TypeError(message(owner, "train_dataloader", condition, type(sampler).__name__, _REMEDY))
    draws_seed = loader.generator is None and not loader.persistent_workers  # persistent ones keep their first seed
    return sampler, LoaderPlan(
        sampler.num_examples, batch_size, drop_last, sampler.shuffle, sampler.seed, draws_seed=draws_seed
    )
