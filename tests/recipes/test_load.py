"""What a run asks of its devices, against Lightning's own counts and figures worked out by hand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from torch.utils.data import DataLoader, DistributedSampler

from recipes.load import Load, scaling

PAGE = Path(__file__).parents[2] / "docs" / "many_devices.md"
GOYAL = Load(1_281_167, 90, batch_size=32, devices=256, accumulated=1, image_bytes=224 * 224 * 3)


def test_goyals_run() -> None:
    assert GOYAL.global_batch == 8192
    assert GOYAL.steps == 90 * 157  # 1,281,167 / 8,192 = 156.4
    one_hour = 90 * 1_281_167 / 3600 / 256
    assert GOYAL.images_per_s(1.0) == pytest.approx(one_hour)
    assert GOYAL.images_per_s(2.0) == pytest.approx(one_hour / 2)
    assert GOYAL.bytes_per_s(1.0) == pytest.approx(one_hour * 150_528)


@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_steps_are_those_of_torchs_sampler_and_loader(
    size: int, batch_size: int, devices: int, accumulated: int, epochs: int
) -> None:
    sampler: DistributedSampler[int] = DistributedSampler(range(size), num_replicas=devices, rank=0)
    batches = len(DataLoader(range(size), batch_size, sampler=sampler))
    expected = epochs * len(range(0, batches, accumulated))
    assert Load(size, epochs, batch_size, devices, accumulated, 1).steps == expected


def test_it_is_said_in_a_line() -> None:
    assert GOYAL.said(1.0) == (
        "256 devices, global batch 8,192, 14,130 steps: to end in 1 hours, 125.1 images/s and 18.83 MB/s each"
    )


def test_the_table_goes_from_1_to_256_devices() -> None:
    console = Console(width=120, record=True)
    console.print(scaling(GOYAL, 1.0))
    text = console.export_text()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    assert [row[0] for row in rows] == ["1", "2", "4", "8", "16", "32", "64", "128", "256"]
    assert rows[-1] == ["256", "8,192", "14,130", "125.1", "18.83"]
    assert rows[0][1:3] == ["32", f"{90 * 40_037:,}"]
    assert "90 epochs in 1 hours, 32 images on each device" in text


def test_the_page_of_many_devices_has_the_numbers_of_the_plan() -> None:
    """That of ``resnet50_step90``: as many epochs and images on each as Goyal's, in 24 hours."""
    console = Console(width=120, record=True)
    console.print(scaling(GOYAL, 24.0))
    cells = [line.split("│")[1:-1] for line in console.export_text().splitlines() if line.startswith("│")]
    rows = [f"| {' | '.join(cell.strip() for cell in row)} |" for row in cells]
    # 40,037, 5,005 and 626 steps an epoch; 115,305,030 images in 86,400 seconds, of 150,528 bytes.
    assert rows[0] == "| 1 | 32 | 3,603,330 | 1,334.5 | 200.89 |"
    assert rows[3] == "| 8 | 256 | 450,450 | 166.8 | 25.11 |"
    assert rows[6] == "| 64 | 2,048 | 56,340 | 20.9 | 3.14 |"
    assert "\n".join(rows) in PAGE.read_text("utf-8")
