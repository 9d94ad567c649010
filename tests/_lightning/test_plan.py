"""Who counts as a callback that explains itself."""

from typing import Any

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from lightning_regkit import callbacks
from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Explained, Plan, pl
from tests.support import trainer


@pytest.mark.parametrize("name", callbacks.__all__)
def test_every_callback_explains_itself(name: str) -> None:
    assert issubclass(vars(callbacks)[name], Explained)


def test_callbacks_of_others_do_not_unless_they_say_how() -> None:
    class Silent(pl.Callback): ...

    class Speaks(pl.Callback):
        def explain(self, plan: Plan) -> str:
            return f"trains for {plan.horizons[0].total_steps} steps"

    assert not isinstance(Silent(), Explained)
    assert not isinstance(ModelCheckpoint(), Explained)
    speaks: Any = Speaks()
    assert isinstance(speaks, Explained)
    assert speaks.explain(Plan(trainer(), [], [Horizon(3)])) == "trains for 3 steps"
