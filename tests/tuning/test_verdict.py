"""A verdict is healthy or not."""

import pytest

from lightning_regkit.tuning._verdict import HEALTHY, Verdict


@pytest.mark.parametrize(("cause", "is_healthy"), [(HEALTHY, True), ("frozen", False), ("", False)])
def test_only_healthy_is_healthy(cause: str, is_healthy: bool) -> None:
    assert Verdict(cause, "a sentence.").is_healthy is is_healthy
