"""Findings as words and as text."""

from lightning_regkit.tuning._diagnosis import Diagnosis
from lightning_regkit.tuning._verdict import Verdict


def test_findings_are_joined() -> None:
    found = Diagnosis((Verdict("noisy", "It jumps."), Verdict("no gap", "No gap.")))
    assert found.causes == ("noisy", "no gap")
    assert found.sentence == "It jumps. No gap."


def test_no_findings_are_healthy() -> None:
    assert Diagnosis(()).causes == ("healthy",)
    assert Diagnosis(()).sentence.startswith("Healthy: ")
