"""What the libraries underneath say that a user of the recipes can do nothing about."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread", "without_chatter", "without_known_warnings"]


@contextmanager
def without_known_warnings() -> Iterator[None]:
    """Ignore, inside, what lightning 2.6.6 is told about its own use of torch >= 2.9 and jsonargparse >= 4.49."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"lightning\.pytorch\.utilities\._pytree")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"lightning\.pytorch\.cli")
        yield


@contextmanager
def without_chatter() -> Iterator[None]:
    """Let Lightning say, inside, nothing below a warning; for many short fits in a row."""
    # Both distributions speak through the one that was imported last.
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "pytorch_lightning")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute, inside, on one CPU thread: in tiny networks several mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
