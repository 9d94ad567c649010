"""What an average at test looks for in an evaluation batch."""

from typing import TYPE_CHECKING

from lightning_regkit._lightning import Keys

if TYPE_CHECKING:
    from lightning_regkit.marginalize import Readout

__all__ = ["readout_keys"]


def readout_keys(owner: str, readout: "Readout", *, needs_targets: bool) -> Keys:
    """Return the keys that a readout names; a refusal says how to name others.

    Args:
        owner: The callback's name, for messages.
        readout: Of the callback.
        needs_targets: Whether targets are looked for too.
    """
    targets_key = readout.targets_key if needs_targets else None
    named = readout.inputs_key, targets_key
    return Keys(owner, *named, needs_targets=needs_targets, may_be_list=True, remedy="readout=Readout({}=)")
