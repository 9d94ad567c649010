import random
from typing import Any

import numpy as np
import pytest
from PIL import Image
from timm.data import auto_augment
from torchvision.transforms import v2

from lightning_regkit.augment import _from_timm, from_timm
from lightning_regkit.augment._global_generators import global_generators_seeded
from tests.augment.support import Array, picture, rng, transformed

TRAINING: dict[str, Any] = {"translate_const": 100, "img_mean": (124, 116, 104)}
TEXTS = {
    "rand-m9-mstd0.5-inc1": auto_augment.rand_augment_transform,
    "original-mstd0.5": auto_augment.auto_augment_transform,
    "v0": auto_augment.auto_augment_transform,
    "augmix-m3-w3": auto_augment.augment_and_mix_transform,
}


def theirs(transform: Any, image: Array, seed: int) -> Array:
    generator = rng(seed)
    generator.integers(2**63)
    with global_generators_seeded(int(generator.integers(2**63))):
        return np.array(transform(Image.fromarray(image)))


def keep_bits(image: Image.Image, bits: int) -> Image.Image:
    """Pillow's ``posterize`` before it refused 0 bits, which make a black image."""
    return image.point([level & ~(2 ** (8 - bits) - 1) for level in range(256)] * len(image.getbands()))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_what_timm_means_by_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture((24, 24 if text.startswith("augmix") else 30, 3))  # timm before 1.0.30 mixes square images alone
    before, state = image.copy(), random.getstate()
    settings = TRAINING | ({"translate_pct": 0.3} if text.startswith("augmix") else {})
    reference, ours = TEXTS[text](text, dict(settings)), from_timm(text)
    results = []
    for seed in range(60):
        changed = transformed(ours, image, seed)
        with monkeypatch.context() as patched:
            patched.setattr(auto_augment.ImageOps, "posterize", keep_bits)
            np.testing.assert_array_equal(changed, theirs(reference, image, seed))
        results.append(changed.tobytes())
    assert len(set(results)) > 20
    np.testing.assert_array_equal(image, before)
    assert random.getstate() == state


@pytest.mark.parametrize("text", ["v0", "rand-m0-p1", "rand-m10-inc1-p1", "augmix-m1"])
def test_posterizing_to_0_bits_makes_an_image_black_whatever_pillow_says(text: str) -> None:
    """Pillow 13 refuses it, which would end a training at random."""
    image = picture((6, 7, 3), seed=1)
    augment: Any = from_timm(text)
    ops = auto_ops(augment.transform)
    posterizing = [op for op in ops if op.aug_fn.__name__.endswith("posterize")]
    assert posterizing
    for op in posterizing:
        assert not np.array(op.aug_fn(Image.fromarray(image), 0)).any()
        kept = np.array(op.aug_fn(Image.fromarray(image), 3, resample=Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(kept, image & 0b1110_0000)
        np.testing.assert_array_equal(np.array(op.aug_fn(Image.fromarray(image), 8)), image)


def auto_ops(transform: Any) -> list[Any]:
    policy = transform.policy if isinstance(transform, auto_augment.AutoAugment) else [transform.ops]
    return [op for ops in policy for op in ops]


def test_the_settings_are_those_of_its_training(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []

    def build(text: str, hparams: dict[str, Any]) -> Any:
        given.append(dict(hparams))
        return auto_augment.rand_augment_transform("rand-m9", hparams)

    monkeypatch.setattr(_from_timm, "BUILDERS", {"rand": build, "augmix": build})
    from_timm("rand-m9")
    from_timm("augmix-m3", hparams={"translate_const": 7})
    assert given == [TRAINING, {"translate_const": 7, "translate_pct": 0.3, "img_mean": (124, 116, 104)}]


def test_settings_go_on_top_of_those_of_its_training() -> None:
    image = picture((24, 30, 3))
    given = from_timm("rand-m9", hparams={"img_mean": (0, 0, 0)})
    reference = auto_augment.rand_augment_transform("rand-m9", {"translate_const": 100, "img_mean": (0, 0, 0)})
    for seed in range(30):
        np.testing.assert_array_equal(transformed(given, image, seed), theirs(reference, image, seed))


def test_timm_s_shared_defaults_stay_as_they_are() -> None:
    """timm 1.0.12 writes the magnitude's deviation into them where it is given none."""
    before = dict(auto_augment._HPARAMS_DEFAULT)
    from_timm("rand-m9-mstd0.5")
    from_timm("original-mstd0.5", hparams={})
    assert before == auto_augment._HPARAMS_DEFAULT


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 1), (8, 9, 3), (1, 1, 3)], ids=str)
def test_a_transform_of_pil_images_of_any_shape(shape: tuple[int, ...]) -> None:
    image = picture(shape)
    mirrored = from_timm(v2.functional.hflip)(image=image)["image"]
    np.testing.assert_array_equal(mirrored, image[:, ::-1])


def test_a_share_of_the_images() -> None:
    image = picture((4, 5, 3))
    same = [
        np.array_equal(transformed(from_timm(v2.functional.hflip, p=0.5), image, seed), image) for seed in range(200)
    ]
    assert 70 < sum(same) < 130


@pytest.mark.parametrize("text", ["randaugment", "rand-q5", "augmix-q3", "", "v7"])
def test_texts_that_timm_does_not_know_are_refused(text: str) -> None:
    expected = (
        r"^augment\.from_timm: transform must be a policy of timm such as 'rand-m9-mstd0\.5', 'original' or "
        rf"'augmix-m3', got '{text}'\.$"
    )
    with pytest.raises(ValueError, match=expected):
        from_timm(text)


def test_what_is_neither_text_nor_transform_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^augment\.from_timm: transform must be a text such as 'rand-m9-mstd0\.5' or"):
        from_timm(None)


def test_floats_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^augment\.from_timm: image must be uint8, got 'float32'\. timm takes"):
        from_timm("v0")(image=picture((4, 5, 3), np.float32))
