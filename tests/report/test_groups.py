"""Which runs differ by their seed alone."""

import pytest

from lightning_regkit.report import Run, group_by_seed
from lightning_regkit.report._groups import settings


def run(name: str, *, is_whole: bool = False, **config: str) -> Run:
    return Run(name, {}, {key.replace("__", "."): value for key, value in config.items()}, is_whole=is_whole)


def grouped(*runs: Run) -> list[tuple[str, list[str], tuple[str, ...]]]:
    return [(group.label, [each.name for each in group.runs], group.seeds) for group in group_by_seed(runs)]


@pytest.mark.parametrize("name", ["mixup/seed-{}", "mixup_seed{}", "mixup/Seed_{}/version_{}", "seed={}/mixup"])
def test_seeds_in_names(name: str) -> None:
    names = [name.format(seed, seed) for seed in (0, 1, 12)]
    assert grouped(*map(run, names)) == [("mixup", names, ("0", "1", "12"))]


@pytest.mark.parametrize("key", ["seed", "seed_everything", "data__init_args__seed"])
def test_seeds_in_settings(key: str) -> None:
    first, second = (run(f"version_{seed}", lr="0.1", **{key: str(seed)}) for seed in (3, 4))
    assert grouped(first, second) == [("version_3", ["version_3", "version_4"], ("3", "4"))]


def test_the_seed_of_everything_is_the_seed() -> None:
    config = {"data.seed": "0", "seed_everything": "7"}
    assert group_by_seed([Run("a", {}, config)])[0].seeds == ("7",)


def test_a_setting_tells_runs_apart() -> None:
    runs = [run(f"a/seed-{seed}", lr=rate) for seed, rate in enumerate(("0.1", "0.1", "0.2"))]
    assert grouped(*runs) == [("a", ["a/seed-0", "a/seed-1"], ("0", "1")), ("a/seed-2", ["a/seed-2"], ("2",))]


def test_a_name_tells_runs_apart_unless_settings_are_whole() -> None:
    apart = [run(name, lr="0.1", seed=str(seed)) for seed, name in enumerate("ab")]
    together = [run(name, is_whole=True, lr="0.1", seed=str(seed)) for seed, name in enumerate("ab")]
    assert [group.seeds for group in group_by_seed(apart)] == [("0",), ("1",)]
    assert grouped(*together) == [("a", ["a", "b"], ("0", "1"))]


@pytest.mark.parametrize("seed", ["null", "true", ""])
def test_runs_of_unknown_seed_stay_alone(seed: str) -> None:
    runs = [run(f"version_{number}", lr="0.1", seed_everything=seed) for number in (0, 1)]
    assert grouped(*runs) == [("version_0", ["version_0"], ("",)), ("version_1", ["version_1"], ("",))]


@pytest.mark.parametrize(
    "key",
    ["trainer.logger.init_args.version", "trainer.logger.0.init_args.name", "trainer.default_root_dir", "dirpath"],
)
def test_where_a_run_was_written_tells_nothing_apart(key: str) -> None:
    runs = [Run(f"seed-{seed}", {}, {key: str(seed), "lr": "0.1"}) for seed in (0, 1)]
    assert [group.seeds for group in group_by_seed(runs)] == [("0", "1")]


@pytest.mark.parametrize("key", ["optimizer.name", "data.version", "seeds", "logger"])
def test_other_names_do(key: str) -> None:
    runs = [Run(f"seed-{seed}", {}, {key: f"x{seed}"}) for seed in (0, 1)]
    assert len(group_by_seed(runs)) == 2


def test_groups_of_one_name_are_called_by_their_first_runs() -> None:
    runs = [run(f"logs/version_{n}", is_whole=True, lr=str(n // 2), seed=str(n % 2)) for n in range(4)]
    assert [group.label for group in group_by_seed(runs)] == ["logs/version_0", "logs/version_2"]
    assert [group.label for group in group_by_seed(runs[:3])] == ["logs", "logs/version_2"]


def test_settings_are_without_seed_and_place() -> None:
    config = {"seed": "1", "lr": "0.1", "data.seed": "2", "trainer.logger.save_dir": "x"}
    assert settings(Run("a", {}, config)) == {"lr": "0.1"}


def test_groups_keep_the_order_of_their_first_runs() -> None:
    runs = [run(f"{name}/seed-{seed}") for seed in (0, 1) for name in "ba"]
    assert [group.label for group in group_by_seed(runs)] == ["b", "a"]


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_runs_have_names_of_their_own(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^report\.group_by_seed: runs must be at least one, of different names, got"):
        group_by_seed(list(map(run, names)))
