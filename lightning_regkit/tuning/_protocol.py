"""The seven steps in a row."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, final

from lightning_regkit._checks import message
from lightning_regkit.tuning._apply import check_places, module_of
from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._progress import Found, StepDone, read_progress, write_progress
from lightning_regkit.tuning._protocol_steps import MENDED, SEARCHES, STEPS, TITLES, Outcome
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._space import Space, check_space
from lightning_regkit.tuning._steps import trainer_of
from lightning_regkit.tuning._twin import isolated, quiet

__all__ = ["Protocol"]

OWNER: Final = "tuning.Protocol"


@final
@dataclass(frozen=True)
class Protocol:
    """The seven steps of choosing hyperparameters, each once, and any of them again.

    1 initial loss; 2 overfit a few batches; 3 a rate; 4 coarse search over rate and weight decay; 5 refined search
    around what was best; 6 diagnosis of the curves of the best trial; 7 where to look next, which is what step 5 takes
    when it is made again.

    Args:
        module: A module, or what makes one.
        data: A data module, or None for the module's own loaders.
        coarse: Of step 4.
        refined: Of step 5.
        setup: With a folder: what is done is kept in ``protocol.json``, beside the file of each step.
        space: What steps 4 and 5 search over besides ``lr`` and ``weight_decay``, or in place of these.

    Raises:
        TypeError: A callback that the space names takes no such argument.
        ValueError: The setup has no folder, or the space names something unknown.

    Example:
        >>> Protocol(None, None, setup=Setup())
        Traceback (most recent call last):
        ValueError: tuning.Protocol: setup must have a folder, got None.
    """

    module: object
    data: object
    coarse: Budget = field(default_factory=partial(Budget, 15, 3, name="4_coarse"))
    refined: Budget = field(default_factory=partial(Budget, 10, 12, name="5_refined"))
    setup: Setup = field(default_factory=Setup)
    space: Space = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.setup.path is None:
            raise ValueError(message(OWNER, "setup", "have a folder", None))
        if self.space:
            check_space(OWNER, self.space)
        check_places(self.module, self.setup.callbacks, self.space)

    def start(self, first: int | None = None, *, is_stubborn: bool = False) -> int:
        """Say which step is next.

        Args:
            first: Step to begin with. None begins after the last step that is done, or with it if it has a fault that
                was to be mended.
            is_stubborn: Whether to pass over such a fault.

        Returns:
            The step.

        Raises:
            ValueError: ``first`` is no step, or one before it has not been made; or all are done.
        """
        done = read_progress(self._folder)
        last = max(done, default=0)
        is_faulty = last in MENDED and not done[last].verdict.is_healthy
        start = first or (last if is_faulty and not is_stubborn else last + 1)
        if start not in TITLES or first == 0:
            remedy = "All are done." if first is None else ""
            raise ValueError(message(OWNER, "first", "be a step, 1 to 7", start if first is None else first, remedy))
        if missing := [step for step in range(1, start) if step not in done]:
            raise ValueError(message(OWNER, "first", f"be at most {missing[0]}, the first that was not made", start))
        return start

    def run(self, first: int | None = None, *, is_stubborn: bool = False) -> Iterator[StepDone]:
        """Go through the steps, and give each as soon as it is over; what was done from ``first`` on is done again.

        Args:
            first: As for ``start``.
            is_stubborn: Whether to go on after a step with a fault.

        Yields:
            Steps that are over. The last one is step 7, one with a fault, or a search without a score.
        """
        done = read_progress(self._folder)
        for step in range(self.start(first, is_stubborn=is_stubborn), len(TITLES) + 1):
            verdict, found = self._make(step, done)
            done = {made: each for made, each in done.items() if made < step}
            done[step] = StepDone(step, TITLES[step], verdict.cause, verdict.sentence, **vars(found))
            write_progress(self._folder, done)
            yield done[step]
            if not verdict.is_healthy and (step in SEARCHES or (step in MENDED and not is_stubborn)):
                return

    @property
    def _folder(self) -> Path:
        assert self.setup.path is not None  # noqa: S101  # checked at construction
        return self.setup.path

    def _make(self, step: int, done: dict[int, StepDone]) -> Outcome:
        made = [done[each] for each in sorted(done)]
        spaces, best = ([each.space for each in made if each.space], [each.best for each in made if each.best])
        facts = {name: fact for each in made for name, fact in each.facts.items()}
        found = Found(facts, spaces[-1] if spaces else {}, best[-1] if best else {})
        with quiet():
            device = trainer_of(self.setup).strategy.root_device
        with isolated(device, self.setup.seed):
            task = (module_of(self.module, {}), self.data) if step in MENDED else (self.module, self.data)
            return STEPS[step](task, found, self)
