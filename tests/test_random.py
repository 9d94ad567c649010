"""Streams: Philox4x64-10 as Salmon et al. print it, keys that never meet, and global generators left alone."""

import dataclasses
import pickle
import random
import re
from hashlib import blake2b
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit._random import StreamKey, generator

WORD = 2**64
KEY = StreamKey(seed=1, rank=2, epoch=3, batch_idx=4, purpose="Mixup", occurrence=5)
COUNTS = st.integers(0, WORD - 1)


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox4x64-10, as the paper prints it, words lowest first."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        left, right = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = right // WORD ^ c1 ^ k0, right % WORD, left // WORD ^ c3 ^ k1, left % WORD
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) % WORD, (k1 + 0xBB67AE8584CAA73B) % WORD
    return c0, c1, c2, c3


def expected(key: StreamKey, blocks: int) -> list[int]:
    digest = blake2b(b"%d/%d/%b" % (key.seed, key.occurrence, key.purpose.encode()), digest_size=16).digest()
    words = (int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"))
    position = (key.batch_idx, key.epoch, key.rank)
    # numpy counts up before it draws.
    return [word for block in range(blocks) for word in philox((block + 1, *position), words)]


def raw(key: StreamKey, count: int) -> list[int]:
    drawn: list[int] = generator(key).bit_generator.random_raw(count).tolist()
    return drawn


def test_the_reference_gives_the_known_answers_of_its_authors() -> None:
    # Random123, tests/kat_vectors: philox4x64 of 10 rounds.
    ones = WORD - 1
    assert philox((0, 0, 0, 0), (0, 0)) == (
        0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B,
    )  # fmt: skip
    assert philox((ones, ones, ones, ones), (ones, ones)) == (
        0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0,
    )  # fmt: skip


def test_the_numbers_of_a_stream_never_change() -> None:
    # Worked out once with `expected` above, without the package.
    assert raw(KEY, 4) == [0x25E5CF292A744B2C, 0xC47837BE2DE056FC, 0x8322F9248735EB72, 0x691B738434337ED7]


@given(
    st.builds(
        StreamKey,
        seed=st.integers(0, 2**200),
        rank=COUNTS,
        epoch=COUNTS,
        batch_idx=COUNTS,
        purpose=st.text(st.characters(exclude_categories=["Cs"])),
        occurrence=st.integers(0, 2**70),
    )
)
def test_a_stream_is_philox_of_its_key(key: StreamKey) -> None:
    assert raw(key, 12) == expected(key, 3)


def test_equal_keys_give_equal_streams_that_do_not_share_state() -> None:
    first = generator(KEY)
    first.random(7)
    assert first.random() != generator(KEY).random()
    assert raw(dataclasses.replace(KEY), 8) == raw(KEY, 8)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(StreamKey)])
def test_any_other_field_gives_another_stream(field: str) -> None:
    others = ["Cutout", "mixup", "Mixup ", ""] if field == "purpose" else [0, 6, 7, WORD - 1]
    streams = {tuple(raw(dataclasses.replace(KEY, **{field: other}), 2)) for other in others}
    assert len({*streams, tuple(raw(KEY, 2))}) == len(others) + 1


def test_fields_that_read_alike_when_joined_are_kept_apart() -> None:
    base = {"rank": 0, "epoch": 0, "batch_idx": 0}
    keys = [
        StreamKey(seed=1, occurrence=11, purpose="a", **base),
        StreamKey(seed=11, occurrence=1, purpose="a", **base),
        StreamKey(seed=1, occurrence=1, purpose="1/a", **base),
        StreamKey(seed=1, occurrence=1, purpose="1a", **base),
        StreamKey(seed=1, occurrence=1, purpose="a", **base),
    ]
    assert len({tuple(raw(key, 2)) for key in keys}) == len(keys)


def test_seeds_above_64_bits_are_not_cut() -> None:
    seeds = [3, 3 + 2**32, 3 + 2**64, 3 + 2**128]
    assert len({tuple(raw(dataclasses.replace(KEY, seed=seed), 2)) for seed in seeds}) == len(seeds)


@pytest.mark.slow
def test_a_million_streams_share_no_128_bit_prefix() -> None:
    seeds, ranks, epochs = (0, 1, 2**32, 2**64, 2**64 + 1), range(4), range(10)
    purposes, occurrences, batches = ("Mixup", "Cutout", "1", "crop", ""), range(10), range(100)
    keys = (
        StreamKey(seed, rank, epoch, batch_idx, purpose, occurrence)
        for seed, rank, epoch, batch_idx, purpose, occurrence in product(
            seeds, ranks, epochs, batches, purposes, occurrences
        )
    )
    prefixes = {generator(key).bit_generator.random_raw(2).tobytes() for key in keys}
    assert len(prefixes) == 10**6


def test_global_generators_are_left_alone() -> None:
    before = random.getstate(), pickle.dumps(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002  # the global one is what is watched
    generator(KEY).random(100)
    assert random.getstate() == before[0]
    assert pickle.dumps(np.random.get_state()) == before[1]  # noqa: NPY002  # the global one is what is watched
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize("field", ["seed", "rank", "epoch", "batch_idx", "occurrence"])
@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (1.0, TypeError), (True, TypeError), (None, TypeError)])
def test_a_number_that_does_not_count_is_refused(field: str, value: object, error: type[Exception]) -> None:
    text = f"StreamKey: {field} must be an integer of at least 0, got {value!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        dataclasses.replace(KEY, **{field: value})


@pytest.mark.parametrize("field", ["rank", "epoch", "batch_idx"])
def test_a_position_of_more_than_64_bits_is_refused_not_cut(field: str) -> None:
    with pytest.raises(OverflowError):
        generator(dataclasses.replace(KEY, **{field: WORD}))
