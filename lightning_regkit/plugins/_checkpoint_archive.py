"""Is a file a whole Lightning checkpoint? Answered from its bytes; nothing in it is unpickled."""

from typing import BinaryIO, Final
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from lightning_regkit._checks import message
from lightning_regkit.errors import CorruptCheckpointError

__all__ = ["BARE", "LIGHTNING", "check_archive", "corrupt", "foreign"]

#: Entries of every checkpoint that a Trainer writes.
LIGHTNING: Final = ("pytorch-lightning_version", "state_dict")
#: The entry under which anything else is kept, such as the weights a spawned process hands back.
BARE: Final = "lightning_regkit.bare"

ZIP_MAGIC: Final = b"PK\x03\x04"
LEGACY_MAGIC: Final = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
FLAGS_OF_TORCH: Final = 0x0808  # sizes after the data, names in UTF-8


def check_archive(name: str, file: BinaryIO) -> None:
    """Refuse a file that is truncated, corrupted or no Lightning checkpoint.

    Args:
        name: What messages call the file.
        file: The file, read from its start to its end; where it stands afterwards is undefined.

    Raises:
        CorruptCheckpointError: Names the file, what is wrong with it and what to do.
    """
    head = file.read(len(LEGACY_MAGIC))
    if not head:
        raise corrupt(name, "an empty file")
    if head == LEGACY_MAGIC:
        raise foreign(name, "a torch file in the format before 1.6", "Load it with torch.load and save it again. ")
    if not head.startswith(ZIP_MAGIC):
        raise foreign(name, "a file that is no zip archive")
    try:
        with ZipFile(file) as archive:
            _check_records(name, archive)
    except (BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise corrupt(name, f"a truncated or corrupted file ({error})") from error


def corrupt(name: str, found: str) -> CorruptCheckpointError:
    """Word the refusal of what once may have been a checkpoint."""
    return CorruptCheckpointError(_text(name, found, "It cannot be repaired: resume from an earlier one."))


def foreign(name: str, found: str, first: str = "") -> CorruptCheckpointError:
    """Word the refusal of what never was a checkpoint of Lightning; ``first`` is a sentence before the remedy."""
    return CorruptCheckpointError(_text(name, found, f"{first}Give a file that Trainer.save_checkpoint wrote."))


def _text(name: str, found: str, remedy: str) -> str:
    return message("AtomicCheckpointIO", f"file {name!r}", "be a whole Lightning checkpoint", found, remedy)


def _check_records(name: str, archive: ZipFile) -> None:
    """Compare the checksum of every record, then look for the entries of a checkpoint in the pickle."""
    for record in archive.infolist():
        if record.compress_type != ZIP_STORED or record.flag_bits & ~FLAGS_OF_TORCH:  # torch stores, always
            raise foreign(name, f"a zip archive that torch did not write, or a damaged one ({record.filename})")
    if (damaged := archive.testzip()) is not None:
        raise corrupt(name, f"a corrupted file (checksum of {damaged})")
    files = {record.filename.partition("/")[2]: record for record in archive.infolist()}
    if "data.pkl" not in files or "constants.pkl" in files:
        raise foreign(name, "a zip archive without a torch checkpoint")
    pickled = archive.read(files["data.pkl"])
    if BARE.encode() not in pickled and not all(entry.encode() in pickled for entry in LIGHTNING):
        raise foreign(name, f"a torch file without {' and '.join(LIGHTNING)}")
