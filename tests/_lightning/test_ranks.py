"""Seeds and streams: which seed wins, what a stream depends on, what a checkpoint keeps, and who prints."""

from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from lightning_regkit._lightning._ranks import Streams, data_rank, free_path, gather, run_seed, say
from lightning_regkit._random import StreamKey, generator


class Noise(pl.Callback):
    pass


class Other(pl.Callback):
    pass


@pytest.fixture(autouse=True)
def _no_global_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "to be restored")
    monkeypatch.delenv("PL_GLOBAL_SEED")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines that reach the log Lightning prints."""
    lines: list[str] = []

    def info(text: str, **_: object) -> None:
        lines.append(text)

    monkeypatch.setattr("lightning_utilities.core.rank_zero.log", SimpleNamespace(info=info))
    return lines


class Broadcasts:
    """A strategy that tells what rank 0 sent, and gives every rank the answer it was made with."""

    def __init__(self, answer: int | None = None) -> None:
        self.answer = answer
        self.sent: list[tuple[int, int]] = []

    def broadcast(self, value: int, src: int) -> int:
        self.sent.append((value, src))
        return value if self.answer is None else self.answer


def running(*callbacks: pl.Callback, rank: int = 0, epoch: int = 0, done: int = -1) -> Any:
    """Return what of a Trainer is read; ``done`` is the last batch finished, -1 before the first.

    Each share of the data goes to two processes; rank 0 has a Trainer without shares.
    """
    return SimpleNamespace(
        callbacks=list(callbacks),
        global_rank=2 * rank + 1,
        distributed_sampler_kwargs={"num_replicas": 2, "rank": rank} if rank else None,
        current_epoch=epoch,
        fit_loop=SimpleNamespace(batch_idx=done),
        strategy=Broadcasts(),
    )


def expected(**parts: int) -> float:
    """Return the first number of the stream of ``Noise`` with seed 7."""
    position = {"seed": 7, "rank": 0, "epoch": 0, "batch_idx": 0, "occurrence": 0}
    return generator(StreamKey(**{**position, **parts}, purpose="Noise")).random()


def test_the_global_seed_of_rank_0_wins(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    trainer = running()
    assert run_seed(trainer, None, "Noise") == 7
    assert run_seed(trainer, 7, "Noise") == 7
    assert trainer.strategy.sent == [(7, 0)] * 2, "ranks may have been seeded apart"
    assert said == []


def test_a_line_says_that_code_and_checkpoint_differ(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert run_seed(running(), 8, "Noise") == 7
    assert said == ["Noise: noise comes from seed_everything(7); the checkpoint had seed 8."]


def test_the_seed_of_the_checkpoint_is_next() -> None:
    trainer = running()
    assert run_seed(trainer, 8, "Noise") == 8
    assert run_seed(trainer, 0, "Noise") == 0
    assert trainer.strategy.sent == [(8, 0), (0, 0)]


def test_else_a_seed_is_drawn_and_all_ranks_use_that_of_rank_0() -> None:
    strategy = Broadcasts(answer=123)
    trainer: Any = SimpleNamespace(strategy=strategy)
    assert [run_seed(trainer, None, "Noise") for _ in range(2)] == [123, 123]
    (first, source), (second, _) = strategy.sent
    assert source == 0
    assert 0 <= min(first, second) <= max(first, second) < 2**63
    assert first != second


def test_a_stream_is_a_function_of_where_training_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    noise = Noise()
    places = [{}, {"rank": 1}, {"epoch": 1}, {"batch_idx": 1}, {"rank": 1, "epoch": 2, "batch_idx": 3}]
    numbers = []
    for place in places:
        trainer = running(
            noise, rank=place.get("rank", 0), epoch=place.get("epoch", 0), done=place.get("batch_idx", 0) - 1
        )
        streams = Streams(noise)
        streams.start(trainer)
        numbers.append(streams.next(trainer).random())
        assert streams.next(trainer).random() == numbers[-1], "nothing but the place counts"
    assert numbers == [expected(**place) for place in places]
    assert len(set(numbers)) == len(places)


def test_processes_with_parts_of_one_model_share_a_stream() -> None:
    assert [data_rank(running(rank=rank)) for rank in range(3)] == [0, 1, 2]


def test_callbacks_of_one_class_count_by_their_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    first, second = Noise(), Noise()
    trainer = running(Other(), first, Other(), second)
    for occurrence, noise in enumerate([first, second]):
        streams = Streams(noise)
        streams.start(trainer)
        assert streams.next(trainer).random() == expected(occurrence=occurrence)


def test_nothing_is_saved_before_a_fit() -> None:
    noise = Noise()
    checkpoint: dict[str, Any] = {}
    Streams(noise).save(running(noise), checkpoint)
    assert checkpoint == {}


def test_each_callback_finds_its_own_seed_again() -> None:
    first, second = Noise(), Noise()
    trainer = running(first, second)
    checkpoint: dict[str, Any] = {}
    draws = []
    for noise, answer in [(first, 7), (second, 8)]:
        trainer.strategy = Broadcasts(answer)
        streams = Streams(noise)
        streams.start(trainer)
        streams.save(trainer, checkpoint)
        draws.append(streams.next(trainer).random())
    assert checkpoint == {"lightning_regkit": {"Noise/0/seed": 7, "Noise/1/seed": 8}}

    trainer.strategy = Broadcasts()
    for noise, draw in zip([first, second], draws, strict=True):
        resumed = Streams(noise)
        resumed.load(trainer, checkpoint)
        resumed.start(trainer)
        assert resumed.next(trainer).random() == draw


def test_a_loaded_seed_serves_one_fit() -> None:
    noise = Noise()
    trainer = running(noise)
    streams = Streams(noise)
    streams.load(trainer, {"lightning_regkit": {"Noise/0/seed": 7}})
    streams.start(trainer)
    streams.start(trainer)
    assert trainer.strategy.sent[0] == (7, 0)
    assert trainer.strategy.sent[1] != (7, 0)


@pytest.mark.parametrize("checkpoint", [{}, {"lightning_regkit": {"Noise/1/seed": 7}}])
def test_a_checkpoint_without_its_seed_is_no_obstacle(checkpoint: dict[str, Any]) -> None:
    noise = Noise()
    trainer = running(noise)
    streams = Streams(noise)
    streams.load(trainer, checkpoint)
    streams.start(trainer)
    assert trainer.strategy.sent[0] != (7, 0)


@pytest.mark.parametrize(("rank", "lines"), [(0, ["Noise: a line"]), (1, [])])
def test_only_rank_0_speaks(rank: int, lines: list[str], said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.utilities.rank_zero_only, "rank", rank)
    say("Noise", "a line")
    assert said == lines


def test_one_process_gathers_its_own_value() -> None:
    value = {"noise": [1]}
    trainer: Any = SimpleNamespace(world_size=1)
    (gathered,) = gather(trainer, value)
    assert gathered is value


def test_several_processes_gather_in_order_of_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_gather_object(values: list[Any], value: Any) -> None:
        values[:] = [f"{value} {rank}" for rank in range(len(values))]

    monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
    trainer: Any = SimpleNamespace(world_size=3)
    assert gather(trainer, "state") == ["state 0", "state 1", "state 2"]


@pytest.mark.parametrize(
    ("files", "resumed", "path"),
    [
        ([], None, "runs/resume.ckpt"),
        (["resume.ckpt"], None, "runs/resume-1.ckpt"),
        (["resume.ckpt", "resume-1.ckpt"], "elsewhere/resume.ckpt", "runs/resume-2.ckpt"),
        (["resume-1.ckpt"], None, "runs/resume.ckpt"),
        (["resume.ckpt", "resume-1.ckpt"], "runs/resume.ckpt", "runs/resume.ckpt"),
        (["resume.ckpt", "resume-1.ckpt"], "runs/resume-1.ckpt", "runs/resume-1.ckpt"),
        (["resume.ckpt", "resume-interrupted.ckpt"], "runs/resume-interrupted.ckpt", "runs/resume.ckpt"),
        (["resume.ckpt", "resume-1.ckpt"], "runs/resume-1-interrupted.ckpt", "runs/resume-1.ckpt"),
        (["resume.ckpt"], "runs/best.ckpt", "runs/resume-1.ckpt"),
    ],
)
def test_a_run_writes_the_file_it_resumed_or_a_new_one(files: list[str], resumed: str | None, path: str) -> None:
    class Strategy:
        def broadcast(self, ours: str) -> str:
            return f"rank 0's {ours}"

    trainer: Any = SimpleNamespace(ckpt_path=resumed, strategy=Strategy())
    there = {f"runs/{name}" for name in files}
    assert free_path(trainer, "runs", there.__contains__) == f"rank 0's {path}"
