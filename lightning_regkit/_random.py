"""Counter-based random streams: a generator is a function of where training is, so nothing needs saving."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, final

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from typing_extensions import override

from lightning_regkit._checks import non_negative_int

__all__ = ["StreamKey", "generator"]


@final
@dataclass(frozen=True)
class StreamKey:
    """Name of one random stream.

    Args:
        seed: Seed of the run, >= 0, of any size.
        rank: Process, in [0, 2^64).
        epoch: 0-based, in [0, 2^64).
        batch_idx: Training batch in the epoch, 0-based, in [0, 2^64).
        purpose: What is drawn, such as ``"Mixup"``.
        occurrence: Which of several users with one purpose, >= 0.

    Returns:
        An immutable, hashable value.

    Raises:
        TypeError: A number is not an integer.
        ValueError: A number is negative.

    Example:
        >>> StreamKey(seed=1, rank=0, epoch=0, batch_idx=7, purpose="Mixup").occurrence
        0
    """

    seed: int
    rank: int
    epoch: int
    batch_idx: int
    purpose: str
    occurrence: int = 0

    def __post_init__(self) -> None:
        for name in ("seed", "rank", "epoch", "batch_idx", "occurrence"):
            non_negative_int("StreamKey", name, vars(self)[name])


def generator(key: StreamKey) -> np.random.Generator:
    """Make the generator of one stream: Philox4x64-10, key from the user of the stream, counter from the position.

    The 128-bit key is blake2b(seed, occurrence, purpose); the 256-bit counter starts at
    (0, batch_idx, epoch, rank), lowest word first, and the draws count in the lowest word. Two streams of one key
    have different higher words, so they cannot overlap in 2^64 blocks of 256 bits.

    Args:
        key: Name of the stream.

    Returns:
        A fresh generator at the start of its stream: equal for equal keys, on every machine and process. No global
        generator is read or moved.

    Raises:
        OverflowError: The rank, epoch or batch index takes more than 64 bits.

    Example:
        >>> key = StreamKey(seed=1, rank=0, epoch=2, batch_idx=7, purpose="Mixup")
        >>> bool((generator(key).random(3) == generator(key).random(3)).all())
        True

    Reference:
        Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
    """
    counter = np.array([0, key.batch_idx, key.epoch, key.rank], dtype=np.uint64)
    user: Any = _user(key.seed, key.occurrence, key.purpose)  # numpy takes any ISeedSequence, its types do not
    return np.random.Generator(np.random.Philox(user, counter=counter))


class _User(ISeedSequence):
    """The key of a user. Philox(key=) would ask the system for entropy first, and then ignore it."""

    def __init__(self, text: str) -> None:
        self._words = np.frombuffer(blake2b(text.encode(), digest_size=16).digest(), dtype="<u8")

    @override
    def generate_state(self, n_words: int, dtype: Any = np.uint64) -> Any:
        return self._words


@lru_cache
def _user(seed: int, occurrence: int, purpose: str) -> _User:
    # The purpose comes last, for it alone may hold the separator: no two users share a text.
    return _User(f"{seed}/{occurrence}/{purpose}")
