"""Put the weights of a checkpoint into the module, and who else would write them."""

from typing import TYPE_CHECKING, Any

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["averaging", "load_weights", "refuse_unrestorable"]

SHARDED = frozenset({"DeepSpeedStrategy", "FSDPStrategy", "ModelParallelStrategy"})


def load_weights(trainer: "pl.Trainer", pl_module: "pl.LightningModule", path: str, *, is_ours: bool) -> None:
    """Load parameters and buffers from a checkpoint, as Lightning does for a test; nothing else of it.

    Args:
        trainer: At the end of a fit; every rank reads the file.
        pl_module: What they are loaded into.
        path: The file.
        is_ours: Whether this process wrote it, so that it may hold any class; else the plugin's default decides.
    """
    checkpoint = trainer.strategy.load_checkpoint(path, weights_only=False if is_ours else None)
    pl_module.on_load_checkpoint(checkpoint)
    trainer.strategy.load_model_state_dict(checkpoint, strict=pl_module.strict_loading)


def refuse_unrestorable(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse a run whose last weights are not those of any epoch, or lie in parts on several processes.

    Raises:
        ValueError: Stochastic weight averaging makes its average at the end; or the strategy shards the module.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    swa = [callback for callback in callbacks if "StochasticWeightAveraging" in _kinds(callback)]
    if swa:
        remedy = "Its average is made at the end and never validated. EMAWeightAveraging is judged and restored."
        condition = "be False beside StochasticWeightAveraging"
        raise ValueError(message(owner, "restore", condition, value=True, remedy=remedy))
    if _kinds(trainer.strategy) & SHARDED:
        condition = f"be False under {type(trainer.strategy).__name__}, which keeps parts of the module"
        remedy = 'Load best_model_path with ckpt_path="best".'
        raise ValueError(message(owner, "restore", condition, value=True, remedy=remedy))


def averaging(trainer: "pl.Trainer") -> Any | None:
    """Return the run's ``WeightAveraging``, by name: either distribution's may be in either's Trainer."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by the callback connector
        if "WeightAveraging" in _kinds(callback):
            return callback
    return None


def _kinds(value: object) -> set[str]:
    return {base.__name__ for base in type(value).__mro__}
