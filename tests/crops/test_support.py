from lightning_regkit.crops import Box, View
from tests.crops.support import numbered, slow_loop


def test_pixels_differ() -> None:
    assert numbered(2, 3)[0, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_loop_by_hand() -> None:
    image = numbered(3, 3)
    assert slow_loop(image, View((3, 3), Box(1, 1, 2, 2))) == [[4, 5], [7, 8]]
    assert slow_loop(image, View((3, 3), Box(1, 1, 2, 2), is_mirrored=True)) == [[5, 4], [8, 7]]
    assert slow_loop(image, View((3, 3), Box(-1, -1, 2, 2))) == [[4, 3], [1, 0]]
    assert slow_loop(image, View((3, 3), Box(2, 2, 2, 2))) == [[8, 7], [5, 4]]
