import logging
import warnings

import pytest
import torch

from recipes._quiet import one_thread, without_chatter, without_known_warnings


def fail() -> None:
    raise KeyError


def test_one_thread_ends_with_the_block() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), one_thread():
            fail()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_chatter_ends_with_the_block(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    with caplog.at_level(logging.INFO, logger="lightning.pytorch"):
        with without_chatter():
            logger.info("inside")
            logger.warning("a warning inside")
        logger.info("after")
        with pytest.raises(KeyError), without_chatter():
            fail()
        logger.info("after an error")

    assert [record.message for record in caplog.records] == ["a warning inside", "after", "after an error"]


def say(module: str, category: type[Warning]) -> None:
    warnings.warn_explicit(f"{category.__name__} of {module}", category, filename="any.py", lineno=1, module=module)


def test_only_the_known_warnings_are_ignored() -> None:
    cli, trees = "lightning.pytorch.cli", "lightning.pytorch.utilities._pytree"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with without_known_warnings():
            say(cli, DeprecationWarning)
            say(trees, FutureWarning)
            say(cli, UserWarning)
            say(trees, UserWarning)
            say("users", DeprecationWarning)
            say("users", FutureWarning)
        say(cli, DeprecationWarning)
        say(trees, FutureWarning)

    assert [str(warning.message) for warning in caught] == [
        f"UserWarning of {cli}",
        f"UserWarning of {trees}",
        "DeprecationWarning of users",
        "FutureWarning of users",
        f"DeprecationWarning of {cli}",
        f"FutureWarning of {trees}",
    ]
