"""A callback that acts after every step, and what its clock refuses and says."""

from typing import Any

import pytest
from typing_extensions import override

from lightning_regkit.callbacks._step_driven import StepDriven
from tests._lightning.test_clock import Manual
from tests.support import Classifier, loader, trainer


class Counts(StepDriven):
    def __init__(self, total_steps: int | tuple[int, ...] | None = None) -> None:
        super().__init__(total_steps)
        self.order: list[int] = []

    @override
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._clock.attach(trainer)

    @override
    def _on_step(self, index: int) -> None:
        self.order.append(index)


def test_it_acts_after_every_step_of_every_optimizer() -> None:
    counts = Counts((4, 2))
    trainer(max_epochs=1, callbacks=[counts]).fit(Manual(every=2), loader(8))
    assert counts.order == [0, 0, 1, 0, 0, 1]


def test_it_refuses_what_the_clock_refuses() -> None:
    with pytest.raises(ValueError, match="Counts: total_steps must be given where manual optimization"):
        trainer(max_epochs=1, callbacks=[Counts()]).fit(Manual(every=2), loader())

    class Grows(Classifier):
        def train_dataloader(self) -> Any:
            return loader(10 + 2 * self.current_epoch)

    with pytest.raises(ValueError, match="Counts: batches per epoch must stay 5 as planned, got 6"):
        trainer(max_epochs=2, callbacks=[Counts()], reload_dataloaders_every_n_epochs=1).fit(Grows())


@pytest.mark.parametrize("breaks", [False, True])
def test_no_hook_is_left_on_the_optimizer(breaks: bool) -> None:
    class Breaks(Classifier):
        def on_train_epoch_end(self) -> None:
            if breaks:
                raise KeyError("in the middle")

    run = trainer(max_epochs=1, callbacks=[Counts()])
    if breaks:
        with pytest.raises(KeyError, match="in the middle"):
            run.fit(Breaks(), loader())
    else:
        run.fit(Breaks(), loader())
    assert not run.optimizers[0]._optimizer_step_post_hooks
