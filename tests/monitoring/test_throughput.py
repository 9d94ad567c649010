import pytest

from lightning_regkit.monitoring import Throughput


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Story:
    """A training told step by step."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.meter = Throughput(self.clock)
        self.meter.start()

    def wait(self, seconds: float) -> None:
        self.meter.begin_wait()
        self.clock.now_s += seconds
        self.meter.end_wait()

    def train(self, samples: int, seconds: float) -> None:
        self.meter.resume()
        self.clock.now_s += seconds
        self.meter.add(samples)

    def validate(self, seconds: float) -> None:
        self.meter.pause()
        self.clock.now_s += seconds


def test_two_batches_by_hand() -> None:
    story = Story()
    for _ in range(2):
        story.wait(1)
        story.train(6, 2)
    assert story.meter.take() == {"samples_per_s": 2.0, "wait_share": pytest.approx(1 / 3)}


def test_each_row_begins_anew() -> None:
    story = Story()
    story.train(100, 1)
    story.meter.take()
    story.wait(2)
    story.train(8, 2)
    assert story.meter.take() == {"samples_per_s": 2.0, "wait_share": 0.5}


def test_a_validation_does_not_count_but_the_wait_for_the_batch_after_it_does() -> None:
    story = Story()
    story.train(4, 1)
    story.validate(1000)
    story.wait(1)
    story.clock.now_s += 1000  # whatever else comes before the batch
    story.train(4, 2)
    assert story.meter.take() == {"samples_per_s": 2.0, "wait_share": 0.25}


def test_a_row_in_a_pause_leaves_it_at_that() -> None:
    story = Story()
    story.train(4, 2)
    story.meter.pause()
    story.meter.pause()
    story.clock.now_s += 1000
    assert story.meter.take() == {"samples_per_s": 2.0, "wait_share": 0.0}
    story.train(9, 3)
    assert story.meter.take() == {"samples_per_s": 3.0, "wait_share": 0.0}


def test_a_start_forgets_all_that_was() -> None:
    story = Story()
    story.train(4, 2)
    story.meter.begin_wait()
    story.meter.start()
    story.clock.now_s += 1
    story.meter.end_wait()  # of a wait that began before
    story.meter.add(3)
    assert story.meter.take() == {"samples_per_s": 3.0, "wait_share": 0.0}


def test_without_time_there_is_no_speed() -> None:
    assert Story().meter.take() == {}
    idle = Throughput(Clock())
    idle.add(1)
    assert idle.take() == {}


def test_by_default_it_is_a_real_clock() -> None:
    meter = Throughput()
    meter.start()
    meter.add(1)
    found = meter.take()
    assert found["samples_per_s"] > 0
    assert found["wait_share"] == 0
