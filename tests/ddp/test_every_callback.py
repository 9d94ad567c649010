"""Every cell of the table of callbacks and ways in which two processes work."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ddp.devices_table import EXCEPTIONS, cell, sentence
from tests.ddp.every_callback import RESUMED, WAYS, without_in
from tests.ddp.probe import BATCH, EPOCHS, STEPS, data
from tests.ddp.rows import ROWS, Place, Row
from tests.ddp.running import run
from tests.ddp.spawned import groups, place_of
from tests.ddp.support import RANKS
from tests.ddp.support import run as started
from tests.support import trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

Found = dict[str, Any]
RESULTS = ("weights", "statistics", "rates", "metrics", "facts", "epochs")


def cells(*verdicts: str) -> list[Any]:
    pairs = [(row, way) for way in WAYS for row in ROWS if cell(row, way).verdict in verdicts]
    return [pytest.param(row, way, id=f"{way}-{row.key}") for row, way in pairs]


def differences(one: Any, other: Any, tolerance: float, place: str = "") -> list[str]:
    """List where two trees of plain values differ by more than ``tolerance``."""
    if type(one) is not type(other):
        return [f"{place}: {one!r}, {other!r}"]
    if isinstance(one, dict):
        keys = sorted(one.keys() | other.keys())
        return [text for key in keys for text in differences(one.get(key), other.get(key), tolerance, f"{place}.{key}")]
    if isinstance(one, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [text for at, pair in pairs for text in differences(*pair, tolerance, f"{place}[{at}]")]
    is_near = one == other or (isinstance(one, float) and abs(one - other) <= tolerance * max(1.0, abs(one)))
    return [] if is_near else [f"{place}: {one!r}, {other!r}"]


def assert_equal(found: Found, alone: Found, tolerance: float = 1e-6) -> None:
    """Compare with one process; metrics are in single precision."""
    for name in RESULTS:
        precision = 1e-5 if name in {"metrics", "facts"} else tolerance
        assert differences(found[name], alone[name], precision, name) == []


def assert_same(ranks: list[Found]) -> None:
    first, second = ranks
    assert [first["rank"], second["rank"]] == list(range(RANKS))
    assert {name: first[name] for name in RESULTS} == {name: second[name] for name in RESULTS}


def assert_own_noise(first: Found, second: Found) -> None:
    """Both read the same batches; a few may meet with the same noise, or with none, by chance: 4 images are mixed."""
    if first["outputs"] and not first["seen"]:
        assert all(one != two for one, two in zip(first["outputs"], second["outputs"], strict=True))
        return
    clean = [batch.tolist() for batch in data(BATCH * STEPS).tensors[0].split(BATCH // RANKS)] * EPOCHS
    for one, other in ((first["seen"], second["seen"]), (first["seen"], clean), (second["seen"], clean)):
        is_equal = [mine == theirs for mine, theirs in zip(one, other, strict=True)]
        assert sum(is_equal) <= len(clean) // 6


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    return started("every_callback", tmp_path_factory.mktemp("every_callback"))


@pytest.mark.parametrize(("row", "way"), cells("equal"))
def test_two_processes_equal_one_with_the_doubled_batch(row: Row, way: str, ranks: list[Found], tmp_path: Path) -> None:
    found = [each[way][row.key] for each in ranks]
    assert_same(found)
    alone = run([row], Place(tmp_path, way), alone=True)
    assert_equal(found[0], alone, tolerance=1e-6 if way == "fsdp" else 1e-12)  # FSDP trains in single precision


@pytest.mark.parametrize(("row", "way"), cells("own"))
def test_each_process_has_noise_of_its_own_and_equal_weights(row: Row, way: str, ranks: list[Found]) -> None:
    found = [each[way][row.key] for each in ranks]
    assert_same(found)
    assert_own_noise(*found)


@pytest.mark.parametrize(("row", "way"), cells("agree"))
def test_both_processes_have_the_same(row: Row, way: str, ranks: list[Found]) -> None:
    assert_same([each[way][row.key] for each in ranks])


@pytest.mark.parametrize(("row", "way"), cells("refused"))
def test_what_is_refused_says_this_sentence_on_every_process(row: Row, way: str, ranks: list[Found]) -> None:
    assert [each[way][row.key] for each in ranks] == [{"refusal": sentence(row, way)}] * RANKS


@pytest.mark.parametrize(
    ("row", "way"), [pytest.param(row, way, id=f"{way}-{row.key}") for row in ROWS for way in without_in(row)]
)
def test_without_the_callback_the_end_is_another(row: Row, way: str, ranks: list[Found]) -> None:
    found, without = ranks[0][way][row.key], ranks[0]["without"][way][row.key]
    assert any(found[name] != without[name] for name in ("weights", "statistics", "outputs"))


def test_some_batches_leave_layers_unused_on_one_process_alone(ranks: list[Found]) -> None:
    first, second = (found["unused"]["bare"]["uses"] for found in ranks)
    assert {(True, False), (False, True), (False, False)} <= set(zip(first, second, strict=True))


@pytest.mark.parametrize("way", [way for way in WAYS if way != "deepspeed"])
def test_a_bare_trainer_equals_one_process_too(way: str, ranks: list[Found], tmp_path: Path) -> None:
    found = [each[way]["bare"] for each in ranks]
    assert_same(found)
    assert_equal(found[0], run([], Place(tmp_path, way), alone=True), tolerance=1e-6 if way == "fsdp" else 1e-12)


@pytest.mark.parametrize("way", RESUMED)
def test_noise_goes_on_where_weights_are_in_parts(way: str, ranks: list[Found]) -> None:
    """These strategies load a checkpoint after ``on_fit_start``."""
    for found in ranks:
        whole, rest = found["resumed"][way]["whole"], found["resumed"][way]["rest"]
        assert rest["seen"] == whole["seen"][len(whole["seen"]) // 2 :]
        assert rest["weights"] == whole["weights"]
    assert ranks[0]["resumed"][way]["rest"]["seen"] != ranks[1]["resumed"][way]["rest"]["seen"]


def test_dropout_is_the_same_on_processes_that_are_seeded_alike(ranks: list[Found]) -> None:
    """The page says so, and what to do."""
    first, second = (found["dropped"] for found in ranks)
    assert first["Probe"] == second["Probe"]
    assert first["Apart"] != second["Apart"]
    assert 0 < sum(map(sum, first["Probe"])) < len(first["Probe"]) * len(first["Probe"][0])


def test_torch_has_no_synchronized_statistics_on_cpu(ranks: list[Found]) -> None:
    """If it has, the stand-in can go."""
    assert [found["sync_on_cpu"] for found in ranks] == ["SyncBatchNorm layers only work with GPU modules"] * RANKS


def test_lightning_has_no_fsdp_on_cpu() -> None:
    """If it has, the subclass can go."""
    with pytest.raises(ValueError, match="requires a GPU accelerator"):
        trainer(strategy="fsdp", devices=RANKS)


def test_exceptions_are_cells() -> None:
    assert {key for key, _ in EXCEPTIONS} <= {row.key for row in ROWS}


@pytest.fixture(scope="module")
def spawned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spawned")
    started("spawned", folder)
    return folder


def read(folder: Path) -> list[Found]:
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(RANKS)]


@pytest.mark.parametrize("name", groups())
def test_spawned_processes_do_the_same(name: str, spawned: Path, tmp_path: Path) -> None:
    rows, found = groups()[name], read(spawned / name)
    assert_same(found)
    if name.startswith("equal"):
        assert_equal(found[0], run(rows, place_of(tmp_path, name), alone=True), tolerance=1e-12)
    else:
        assert_own_noise(*found)
