"""Plugins for a Lightning Trainer.

Checkpoints on disk: :class:`AtomicCheckpointIO`.
"""

from lightning_regkit.plugins._atomic_checkpoint_io import AtomicCheckpointIO

__all__ = ["AtomicCheckpointIO"]
