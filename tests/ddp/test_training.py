"""Noise and schedules on two processes: ranks differ in noise, and in nothing else."""

from typing import Any

import pytest

from lightning_regkit.callbacks import ScheduleLR
from tests.ddp.support import RANKS, run
from tests.ddp.training import BATCH_SIZE, BATCHES, COUNT, EPOCHS, RESUME_AT, SPEC, WARMUP
from tests.support import Classifier, images, loader, trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

KINDS = ("mixup", "cutout", "one_of")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("training", tmp_path_factory.mktemp("training"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["seeded", "unseeded"])
def test_every_batch_of_every_rank_has_noise_of_its_own(kind: str, name: str, ranks: list[dict[str, Any]]) -> None:
    first, second = (found[kind][name]["seen"] for found in ranks)
    clean = [batch.tolist() for batch in images(COUNT)[0].split(BATCH_SIZE)] * EPOCHS
    assert len(first) == len(second) == len(clean)
    for one, two, untouched in zip(first, second, clean, strict=True):
        assert one != two
        assert one != untouched != two
    for seen in (first, second):
        assert seen[:BATCHES] != seen[BATCHES:], "epochs differ"


@pytest.mark.parametrize("kind", KINDS)
def test_a_seeded_rerun_is_identical_on_each_rank(kind: str, ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        assert found[kind]["seeded"]["seen"] == found[kind]["seeded_again"]["seen"]
        assert found[kind]["seeded"]["weights"] == found[kind]["seeded_again"]["weights"]


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_seed_all_ranks_share_one_drawn_seed(kind: str, ranks: list[dict[str, Any]]) -> None:
    seeds = [(found[kind]["unseeded"]["seed"], found[kind]["unseeded_again"]["seed"]) for found in ranks]
    assert seeds[0] == seeds[1]
    assert seeds[0][0] != seeds[0][1], "another run draws another"
    assert all(found[kind]["unseeded"]["seen"] != found[kind]["unseeded_again"]["seen"] for found in ranks)


@pytest.mark.parametrize("kind", KINDS)
def test_validation_is_untouched_and_nothing_stays(kind: str, ranks: list[dict[str, Any]]) -> None:
    for rank, found in enumerate(ranks):
        for fit in found[kind].values():
            assert fit["rank"] == rank
            assert fit["num_validated"] == 1 + EPOCHS * BATCHES, "sanity check and validation"
            assert fit["is_validation_untouched"]
            assert fit["is_clean"]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_equal_on_all_ranks(kind: str, ranks: list[dict[str, Any]]) -> None:
    assert ranks[0][kind]["seeded"]["weights"] == ranks[1][kind]["seeded"]["weights"]


def test_rates_are_those_of_one_process_with_as_many_steps(ranks: list[dict[str, Any]]) -> None:
    model = Classifier()
    trainer(max_epochs=EPOCHS, callbacks=[ScheduleLR(SPEC, warmup=WARMUP)]).fit(model, loader(2 * BATCHES))
    for found in ranks:
        assert found["scheduled"]["num_batches"] == EPOCHS * BATCHES
        assert found["scheduled"]["rates"] == model.rates
    assert len(set(model.rates)) > BATCHES
    assert ranks[0]["scheduled"]["weights"] == ranks[1]["scheduled"]["weights"]


def test_a_resumed_run_continues_draws_and_rates_on_each_rank(ranks: list[dict[str, Any]]) -> None:
    assert len(ranks) == RANKS
    for found in ranks:
        whole, rest = found["resumed"]["whole"], found["resumed"]["rest"]
        assert rest["seen"] == whole["seen"][RESUME_AT:]
        assert rest["rates"] == whole["rates"][RESUME_AT:]
        assert rest["weights"] == whole["weights"]
    assert ranks[0]["resumed"]["rest"]["seen"] != ranks[1]["resumed"]["rest"]["seen"]
