import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import torch

from tests.benchmarks.__main__ import NAMES, comparisons, main
from tests.benchmarks.harness import (
    Comparison,
    Result,
    _cpu_model,
    compare,
    environment,
    summarize,
    table,
    time_pairs,
    write,
)


class FakeTime:
    """A clock that moves only when one of its jobs runs."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[str] = []

    def job(self, name: str, durations: Iterator[float]) -> Callable[[], None]:
        def run() -> None:
            self.calls.append(name)
            self.now += next(durations)

        return run

    def clock(self) -> float:
        return self.now


@pytest.fixture
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_ours_and_peer_take_turns_after_the_warmup() -> None:
    time = FakeTime()
    comparison = Comparison("x", time.job("ours", count(1.0)), time.job("peer", count(10.0)), rounds=3, warmup=2)
    assert time_pairs(comparison, time.clock) == [(3.0, 12.0), (4.0, 13.0), (5.0, 14.0)]
    assert time.calls == ["ours", "peer"] * 5


def test_worked_summary() -> None:
    pairs = [(0.001, 0.004), (0.003, 0.004), (0.002, 0.002), (0.004, 0.008), (0.009, 0.012)]
    # Ratios 1/4, 3/4, 1, 1/2, 3/4: quartiles 1/2, 3/4.
    assert summarize("x", pairs) == Result(
        name="x",
        ours_ms=pytest.approx(3.0),
        peer_ms=pytest.approx(4.0),
        ratio=pytest.approx(0.75),
        ratio_low=pytest.approx(0.5),
        ratio_high=pytest.approx(0.75),
        rounds=5,
    )


def test_one_pair_is_its_own_range() -> None:
    time = FakeTime()
    comparison = Comparison("x", time.job("ours", count(1.0)), time.job("peer", count(2.0)), rounds=1, warmup=0)
    assert compare(comparison, time.clock) == Result("x", 1000.0, 2000.0, 0.5, 0.5, 0.5, 1)


def test_a_drift_of_the_machine_leaves_the_ratio() -> None:
    time = FakeTime()
    ours, peer = time.job("ours", (1.5**i for i in count())), time.job("peer", (2 * 1.5**i for i in count()))
    result = compare(Comparison("x", ours, peer), time.clock)
    assert (result.ratio, result.ratio_low, result.ratio_high) == pytest.approx((0.5, 0.5, 0.5))


def test_table() -> None:
    results = [Result("a", 1.0, 2.0, 0.5, 0.4, 0.6, 5), Result("longer", 10.0, 2.5, 4.0, 3.9, 4.1, 5)]
    assert table(results).splitlines() == [
        "comparison  ours ms  peer ms  ratio     quartiles",
        "a              1.00     2.00   0.50  0.40 to 0.60",
        "longer        10.00     2.50   4.00  3.90 to 4.10",
    ]


def test_json_states_versions_and_machine(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    write(path, [Result("a", 1.0, 2.0, 0.5, 0.4, 0.6, 5)])
    report = json.loads(path.read_text())
    assert report["environment"] == environment()
    assert torch.__version__.startswith(report["environment"]["versions"]["torch"])
    assert set(report["environment"]["machine"]) == {"cpu", "cores", "threads", "platform"}
    assert [result["ratio"] for result in report["results"]] == [0.5]


def test_cpu_model(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    assert _cpu_model(cpu_info) != "Fast: 9000"
    cpu_info.write_text("vendor_id\t: Any\nmodel name\t: Fast: 9000\nmodel name\t: Fast: 9000\n")
    assert _cpu_model(cpu_info) == "Fast: 9000"


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_runs_at_tiny_size(name: str) -> None:
    built = comparisons(name, tiny=True)
    assert len({comparison.name for comparison in built}) == len(built) > 0
    for comparison in built:
        comparison.ours()
        comparison.peer()


@pytest.mark.usefixtures("_threads")
def test_main_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results.json"
    results = main(["cutout", "--tiny", "--threads", "1", "--out", str(out)])
    assert torch.get_num_threads() == 1
    assert table(results) in capsys.readouterr().out
    assert [result["name"] for result in json.loads(out.read_text())["results"]] == [result.name for result in results]


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["mixdown"])
    assert f"no such benchmark: mixdown. Known: {', '.join(NAMES)}." in capsys.readouterr().err
