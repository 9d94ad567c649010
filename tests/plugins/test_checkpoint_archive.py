"""Whole checkpoints pass; every flipped bit, cut and foreign file is refused from its bytes."""

import re
from collections.abc import Callable
from io import BytesIO
from pickle import dumps
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.errors import CorruptCheckpointError
from lightning_regkit.plugins._checkpoint_archive import check_archive, corrupt, foreign

HEAD = "AtomicCheckpointIO: file 'last.ckpt' must be a whole Lightning checkpoint, got "
REPAIR = " It cannot be repaired: resume from an earlier one."
GIVE = "Give a file that Trainer.save_checkpoint wrote."
ENTRIES = {"state_dict": {"weight": torch.arange(6.0)}, "pytorch-lightning_version": "2.6.6"}


def saved(content: object, **options: Any) -> bytes:
    buffer = BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def zipped(*names: str, compression: int = 0) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", compression) as archive:
        for name in names:
            archive.writestr(name, "text")
    return buffer.getvalue()


def scripted() -> bytes:
    """An archive laid out as TorchScript's."""
    return zipped("archive/data.pkl", "archive/constants.pkl")


WHOLE = saved(ENTRIES)


def check(content: bytes) -> None:
    check_archive("last.ckpt", BytesIO(content))


def flipped(position: int, bit: int) -> bytes:
    damaged = bytearray(WHOLE)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


def equal(content: bytes) -> bool:
    loaded = torch.load(BytesIO(content), weights_only=True)
    return (
        loaded.keys() == ENTRIES.keys()
        and torch.equal(loaded["state_dict"]["weight"], torch.arange(6.0))
        and loaded["pytorch-lightning_version"] == "2.6.6"
    )


@pytest.mark.parametrize(
    "content", [ENTRIES, {**ENTRIES, "epoch": 3}, {"lightning_regkit.bare": {"weight": torch.ones(2)}}]
)
def test_whole_checkpoints_pass(content: dict[str, Any]) -> None:
    check(saved(content))


def test_torch_itself_loads_a_flipped_bit_and_the_check_does_not() -> None:
    damaged = bytearray(WHOLE)
    damaged[WHOLE.index(torch.arange(6.0).numpy().tobytes()) + 7] ^= 0x40
    assert not equal(bytes(damaged)), "torch compares no checksums"
    text = f"{HEAD}'a corrupted file (checksum of archive/data/0)'.{REPAIR}"
    with pytest.raises(CorruptCheckpointError, match=f"^{re.escape(text)}$"):
        check(bytes(damaged))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_nothing(position: int, bit: int) -> None:
    damaged = flipped(position, bit)
    try:
        check(damaged)
    except CorruptCheckpointError:
        return
    try:
        assert equal(damaged)
    except RuntimeError as error:  # refused by the plugin too
        assert "PytorchStreamReader" in str(error)  # noqa: PT017  # either outcome is right


@given(st.integers(1, len(WHOLE) - 1))
def test_a_cut_is_refused(length: int) -> None:
    with pytest.raises(CorruptCheckpointError, match=f"^{re.escape(HEAD)}"):
        check(WHOLE[:length])


@given(st.integers(1, 64), st.integers(0, len(WHOLE) - 64))
def test_a_hole_of_zeros_is_refused_or_held_zeros(length: int, start: int) -> None:
    damaged = WHOLE[:start] + bytes(length) + WHOLE[start + length :]
    try:
        check(damaged)
    except CorruptCheckpointError:
        return
    try:
        assert equal(damaged)
    except RuntimeError as error:
        assert "PytorchStreamReader" in str(error)  # noqa: PT017  # either outcome is right


@pytest.mark.parametrize(
    ("content", "found", "remedy"),
    [
        (b"", "an empty file", REPAIR.strip()),
        (
            WHOLE[: len(WHOLE) // 2],
            "a truncated or corrupted file (File is not a zip file)",
            REPAIR.strip(),
        ),
        (b"epoch,loss\n1,0.5\n", "a file that is no zip archive", GIVE),
        (dumps(ENTRIES["pytorch-lightning_version"]), "a file that is no zip archive", GIVE),
        (
            saved(ENTRIES, _use_new_zipfile_serialization=False),
            "a torch file in the format before 1.6",
            f"Load it with torch.load and save it again. {GIVE}",
        ),
        (zipped("readme.txt"), "a zip archive without a torch checkpoint", GIVE),
        (scripted(), "a zip archive without a torch checkpoint", GIVE),
        (
            zipped("archive/data.pkl", compression=ZIP_DEFLATED),
            "a zip archive that torch did not write, or a damaged one (archive/data.pkl)",
            GIVE,
        ),
        (
            saved({"weight": torch.ones(2)}),
            "a torch file without pytorch-lightning_version and state_dict",
            GIVE,
        ),
        (
            saved({"state_dict": {}, "epoch": 1}),
            "a torch file without pytorch-lightning_version and state_dict",
            GIVE,
        ),
    ],
)
def test_refusals(content: bytes, found: str, remedy: str) -> None:
    with pytest.raises(CorruptCheckpointError, match=f"^{re.escape(f'{HEAD}{found!r}. {remedy}')}$"):
        check(content)


def test_a_legacy_file_cut_to_its_magic_is_still_named() -> None:
    with pytest.raises(CorruptCheckpointError, match=r"format before 1\.6"):
        check(saved(ENTRIES, _use_new_zipfile_serialization=False)[:20])


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: corrupt("last.ckpt", "dust"), f"{HEAD}'dust'.{REPAIR}"),
        (lambda: foreign("last.ckpt", "a letter"), f"{HEAD}'a letter'. {GIVE}"),
        (lambda: foreign("last.ckpt", "a letter", "Burn it. "), f"{HEAD}'a letter'. Burn it. {GIVE}"),
    ],
)
def test_wording(build: Callable[[], CorruptCheckpointError], text: str) -> None:
    assert str(build()) == text


def test_nothing_is_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, ("raise SystemExit('unpickled')",)

    check(saved({**ENTRIES, "bomb": Bomb()}))
    with pytest.raises(CorruptCheckpointError):
        check(saved({"bomb": Bomb()}))
