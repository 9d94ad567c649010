"""What the tests of this package share: a process group that is only pretended."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from torch import distributed


@contextmanager
def process(rank: int, world_size: int, *, is_available: bool = True, is_initialized: bool = True) -> Iterator[None]:
    """Run the body as one process of a group."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "is_available", lambda: is_available)
        patch.setattr(distributed, "is_initialized", lambda: is_initialized)
        patch.setattr(distributed, "get_rank", lambda *_: rank)
        patch.setattr(distributed, "get_world_size", lambda *_: world_size)
        yield
