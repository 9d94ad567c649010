import atexit
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.benchmarks import __main__ as program
from tests.benchmarks import bench_full_stack
from tests.benchmarks.__main__ import NAMES, PUBLISHED, comparisons, main, run
from tests.benchmarks.harness import (
    Comparison,
    Report,
    Result,
    _cpu_model,
    compare,
    environment,
    new_folder,
    quiet,
    summarize,
    table,
    time_pairs,
    write,
)
from tests.meta.tree import ROOT


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


def test_a_result_says_what_the_peer_is() -> None:
    time = FakeTime()
    comparison = Comparison("x", time.job("ours", count(1.0)), time.job("peer", count(2.0)), against="default")
    assert compare(comparison, time.clock).against == "default"


def test_a_drift_of_the_machine_leaves_the_ratio() -> None:
    time = FakeTime()
    ours, peer = time.job("ours", (1.5**i for i in count())), time.job("peer", (2 * 1.5**i for i in count()))
    result = compare(Comparison("x", ours, peer), time.clock)
    assert (result.ratio, result.ratio_low, result.ratio_high) == pytest.approx((0.5, 0.5, 0.5))


def test_table() -> None:
    results = [Result("a", 1.0, 2.0, 0.5, 0.4, 0.6, 5), Result("longer", 10.0, 2.5, 4.0, 3.9, 4.1, 5, "nothing")]
    assert table(results).splitlines() == [
        "comparison  peer at  ours ms  peer ms  ratio     quartiles",
        "a              best     1.00     2.00   0.50  0.40 to 0.60",
        "longer      nothing    10.00     2.50   4.00  3.90 to 4.10",
    ]


def test_json_states_versions_and_machine(tmp_path: Path) -> None:
    path, command = tmp_path / "new" / "results.json", ["python", "-m", "tests.benchmarks", "mixup"]
    write(path, command, Report([Result("a", 1.0, 2.0, 0.5, 0.4, 0.6, 5)], {"share": 0.25}, 61.5))
    report = json.loads(path.read_text())
    assert report["environment"] == environment(command)
    assert report["environment"]["command"] == command
    assert (report["notes"], report["seconds"]) == ({"share": 0.25}, 61.5)
    assert torch.__version__.startswith(report["environment"]["versions"]["torch"])
    assert set(report["environment"]["machine"]) == {"cpu", "cores", "threads", "platform"}
    assert [result["ratio"] for result in report["results"]] == [0.5]


def test_cpu_model(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    assert _cpu_model(cpu_info) != "Fast: 9000"
    cpu_info.write_text("vendor_id\t: Any\nmodel name\t: Fast: 9000\nmodel name\t: Fast: 9000\n")
    assert _cpu_model(cpu_info) == "Fast: 9000"


def test_quiet_hides_information_until_it_ends() -> None:
    with quiet():
        assert not logging.getLogger("lightning").isEnabledFor(logging.INFO)
    assert logging.root.manager.disable == logging.NOTSET


def test_a_new_folder_is_removed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    endings: list[Callable[[], object]] = []
    monkeypatch.setattr(atexit, "register", lambda act, *given, **named: endings.append(partial(act, *given, **named)))
    first, second = new_folder(), new_folder()
    (first / "file").touch()
    assert first != second
    for end in endings:
        end()
    assert not first.exists()
    assert not second.exists()


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_runs_at_tiny_size(name: str) -> None:
    built = comparisons(name, tiny=True)
    assert len({comparison.name for comparison in built}) == len(built) > 0
    for comparison in built:
        comparison.ours()
        comparison.peer()


@pytest.mark.usefixtures("_threads")
def test_main_prints_and_writes_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cutout", "--tiny", "--threads", "1", "--out", str(tmp_path)]) == []
    assert torch.get_num_threads() == 1
    report, printed = json.loads((tmp_path / "cutout.json").read_text()), capsys.readouterr().out
    assert table(Result(**result) for result in report["results"]) in printed
    assert [result["name"] for result in report["results"]] == [each.name for each in comparisons("cutout", tiny=True)]
    command = "python -m tests.benchmarks cutout --threads 1 --tiny"
    assert " ".join(report["environment"]["command"]) == command
    assert printed.startswith(f"{command}: ")


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize(
    ("own", "given", "expected"), [({}, None, 2), ({"THREADS": 1}, None, 1), ({"THREADS": 1}, 2, 2)]
)
def test_threads_are_those_given_or_those_of_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, int], given: int | None, expected: int
) -> None:
    monkeypatch.setattr(program, "benchmark", lambda name: made(**own))
    run("made", given, tiny=True)
    assert torch.get_num_threads() == expected


@pytest.mark.usefixtures("_threads")
def test_notes_follow_from_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "benchmark", lambda name: made(notes=lambda results: {"rounds": results[0].rounds}))
    report = run("made", 1, tiny=True)
    assert report.notes == {"rounds": 2}
    assert 0 < sum(result.ours_ms + result.peer_ms for result in report.results) < 1e3 * report.seconds


def test_the_share_of_the_stack_is_worked_out_of_two_rows() -> None:
    rows = {
        "stack / by hand": (1500.0, 1250.0),
        "bare Trainer / loop": (1000.0, 500.0),
        "stack / bare": (1500.0, 1000.0),
    }
    results = [Result(f"linear layer: {name}", *times, 1.0, 1.0, 1.0, 1) for name, times in rows.items()]
    assert bench_full_stack.notes(results) == {"linear layer: added by the stack / added by Lightning": 0.5}


def test_several_run_one_by_one_and_one_that_fails_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[list[str]] = []

    def call(command: list[str]) -> int:
        called.append(command)
        return 1 if command[-1] == "kfac" else 0

    monkeypatch.setattr(subprocess, "call", call)
    assert main(["--threads", "1", "--tiny"]) == ["kfac"]
    assert [command[-1] for command in called] == NAMES
    options = ["--threads", "1", "--tiny", "--out", "benchmarks-out"]
    assert called[0][:-1] == [sys.executable, "-m", "tests.benchmarks", *options]
    assert capsys.readouterr().err == "failed: kfac\n"
    assert main(["mixup", "sam"]) == []


def test_the_exit_status_tells_of_one_that_failed(tmp_path: Path) -> None:
    """Its file cannot be written where there is a folder of that name."""
    (tmp_path / "cutout.json").mkdir()
    command = [sys.executable, "-m", "tests.benchmarks", "cutout", "import_time", "--tiny", "--out", str(tmp_path)]
    ended = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "failed: cutout"
    assert (tmp_path / "import_time.json").is_file()


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["mixdown"])
    assert f"no such benchmark: mixdown. Known: {', '.join(NAMES)}." in capsys.readouterr().err


def test_tiny_figures_are_not_published(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cutout", "--tiny", "--out", str(PUBLISHED)])
    assert f"--out must not be {PUBLISHED} with --tiny, which measures nothing." in capsys.readouterr().err


def made(**own: object) -> ModuleType:
    """A benchmark of one comparison."""
    module = ModuleType("made")
    comparison = Comparison("x", lambda: None, lambda: None, rounds=2, warmup=0)
    vars(module).update(comparisons=lambda *, tiny: [comparison], **own)
    return module
