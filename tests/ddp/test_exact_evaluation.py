"""Evaluation on two processes whose shares differ: the numbers of one process, and no process that waits for ever."""

from typing import Any

import pytest

from tests.ddp.exact_evaluation import CASES, EPOCHS, one_process
from tests.ddp.support import run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

EACH = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    # The script ends by a data set smaller than the number of processes.
    return run("exact_evaluation", tmp_path_factory.mktemp("exact"), fails_with="within local rank has zero length")


def check(found: list[dict[str, Any]], case: tuple[int, int], expected: dict[str, float]) -> None:
    """Compare with one process; ``logged`` is left to those tests that know what Lightning makes of it."""
    shares = [one["indices"] for one in found]
    assert shares == [list(range(rank, case[0], 2)) for rank in (0, 1)], "every sample once"
    for one in found:
        assert one["metrics"]["accuracy"] == expected["accuracy"]
        for name in ("mean", "weighted"):
            assert one["metrics"][name] == pytest.approx(expected[name], rel=1e-5)


@EACH
def test_a_test_is_that_of_one_process(case: tuple[int, int], ranks: list[dict[str, Any]]) -> None:
    expected = one_process(*case)
    assert expected["accuracy"] == pytest.approx(1 - 1 / case[0])
    check([found["exact"][str(case)] for found in ranks], case, expected)


@EACH
def test_the_cases_differ_by_a_batch_or_not(case: tuple[int, int], ranks: list[dict[str, Any]]) -> None:
    shares = [len(found["exact"][str(case)]["indices"]) for found in ranks]
    assert tuple(-(-share // case[1]) for share in shares) == CASES[case]


@EACH
def test_a_validation_in_a_fit_is_that_of_one_process(case: tuple[int, int], ranks: list[dict[str, Any]]) -> None:
    for epoch in range(EPOCHS):
        found = [rank["fits"][str(case)]["epochs"][epoch] for rank in ranks]
        assert found[0]["state"] == found[1]["state"], "weights and batch statistics"
        check(found, case, one_process(*case, state=found[0]["state"]))
    assert len(ranks[0]["fits"][str(case)]["epochs"]) == EPOCHS


@EACH
def test_uneven_validation_leaves_training_as_it_is(case: tuple[int, int], ranks: list[dict[str, Any]]) -> None:
    # Rank 0 is what is saved. Without validation nothing hands its batch statistics to the other after the last step.
    assert ranks[0]["fits"][str(case)]["state"] == ranks[0]["fit_alone"]["state"]


@pytest.mark.parametrize("case", [case for case in CASES if case[0] % 2], ids=str)
def test_lightning_s_own_sampler_counts_the_first_image_twice(
    case: tuple[int, int], ranks: list[dict[str, Any]]
) -> None:
    count = case[0]
    seen = [index for found in ranks for index in found["lightning"][str(case)]["indices"]]
    assert sorted(seen) == [0, *range(count)]
    for found in ranks:
        accuracy = found["lightning"][str(case)]["metrics"]["accuracy"]
        assert accuracy == pytest.approx((count - 1) / (count + 1))


def test_the_worked_example(ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        exact, lightning = (found[deal]["(5, 2)"]["metrics"] for deal in ("exact", "lightning"))
        assert round(one_process(5, 2)["accuracy"], 4) == round(exact["accuracy"], 4) == 0.8
        assert round(lightning["accuracy"], 4) == 0.6667


@pytest.mark.parametrize("case", [case for case in CASES if case[0] % 2], ids=str)
def test_lightning_divides_synchronized_means_by_a_rounded_number(
    case: tuple[int, int], ranks: list[dict[str, Any]]
) -> None:
    factor = (case[0] / 2) / (case[0] // 2)
    for found in ranks:
        logged = found["exact"][str(case)]["metrics"]["logged"]
        assert logged == pytest.approx(one_process(*case)["logged"] * factor, rel=1e-5)


def test_logging_each_batch_is_possible_with_as_many_batches(ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        assert sorted(found["on_step"]["indices"]) == list(range(found["on_step"]["rank"], 9, 2))


@pytest.mark.parametrize(
    ("name", "loader"), [("test", "test_dataloader"), ("validate", "val_dataloader"), ("fit", "val_dataloader")]
)
def test_averages_refuse_repeats_before_any_step(name: str, loader: str, ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        assert found["refusals"][name] == {
            "text": (
                f"Flip: {loader} must give every sample once, got '1 repeated by DistributedSampler'. "
                "Pass DataLoader(dataset, ..., sampler=ExactDistributedSampler(dataset))."
            ),
            "steps": 0,
            "indices": [],
            "is_clean": True,
        }


def test_averages_refuse_logs_on_both_processes_after_the_first_batch(ranks: list[dict[str, Any]]) -> None:
    for rank, found in enumerate(ranks):
        rounds, waits = found["refusals"]["rounds"], found["refusals"]["waits"]
        assert rounds["text"].startswith(
            "Flip: batch_size of self.log('logged', sync_dist=True) must be a multiple of 4"
        )
        assert waits["text"].startswith("Flip: self.log('logged') must not be synchronized on each batch")
        assert [len(one["indices"]) for one in (rounds, waits)] == [4, 4], rank
        assert rounds["is_clean"]
        assert waits["is_clean"]


@pytest.mark.parametrize("name", ["none", "equal", "predict"])
def test_averages_accept_the_rest(name: str, ranks: list[dict[str, Any]]) -> None:
    assert [found["refusals"][name]["text"] for found in ranks] == ["", ""]
