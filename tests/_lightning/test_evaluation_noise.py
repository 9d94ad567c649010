"""Keys of the noise in an evaluation: what makes it differ, and what does not."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lightning_regkit._lightning._evaluation_noise import EvaluationNoise


@pytest.fixture(autouse=True)
def _no_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "to be restored")
    monkeypatch.delenv("PL_GLOBAL_SEED")


def module(rank: int = 0, from_rank_0: int | None = None) -> Any:
    strategy = SimpleNamespace(broadcast=lambda value, src: value if from_rank_0 is None else from_rank_0)
    shares = {"num_replicas": 2, "rank": rank} if rank else None
    trainer = SimpleNamespace(strategy=strategy, distributed_sampler_kwargs=shares)
    return SimpleNamespace(trainer=trainer, device=torch.device("cpu"))


def drawn(noise: EvaluationNoise, samples: int = 2) -> list[float]:
    values = []
    with noise.call() as seed:
        for sample in range(samples):
            seed(sample)
            values.append(torch.rand(()).item())
    return values


def values(owner: str = "MonteCarloDropout", **options: Any) -> dict[tuple[int, ...], float]:
    """Draw for every loader, batch, call and sample."""
    noise = EvaluationNoise(owner)
    noise.start(module(**options))
    found: dict[tuple[int, ...], float] = {}
    for loader, batch in product(range(2), range(3)):
        noise.begin(batch, loader)
        for call in range(2):
            found |= {(loader, batch, call, sample): value for sample, value in enumerate(drawn(noise))}
    return found


def test_all_differ_and_a_rerun_repeats_them() -> None:
    first = values()
    assert len(set(first.values())) == 2 * 3 * 2 * 2
    assert values() == first


def test_ranks_owners_and_seeds_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [values(), values(rank=1), values("Other")]
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    found.append(values())
    assert len({value for each in found for value in each.values()}) == 4 * len(found[0])
    assert values(from_rank_0=0) == found[0], "rank 0 decides"


def test_a_sample_does_not_depend_on_how_many_are_drawn() -> None:
    noise = EvaluationNoise("MonteCarloDropout")
    noise.start(module())
    noise.begin(0, 0)
    three = drawn(noise, 3)
    noise.begin(0, 0)
    assert drawn(noise, 5)[:3] == three


def test_the_users_generator_is_as_before() -> None:
    noise = EvaluationNoise("MonteCarloDropout")
    noise.start(module())
    before = torch.get_rng_state()
    drawn(noise)
    assert torch.equal(torch.get_rng_state(), before)
