import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recipes.data._splits import stratified_order

SEEDS = st.integers(0, 2**32 - 1)


@given(labels=st.lists(st.integers(0, 5), max_size=60), seed=SEEDS, data=st.data())
def test_any_run_of_images_has_the_classes_in_their_shares(labels: list[int], seed: int, data: st.DataObject) -> None:
    order = stratified_order(np.array(labels, dtype=int), seed)
    start = data.draw(st.integers(0, len(labels)))
    end = data.draw(st.integers(start, len(labels)))

    assert sorted(order) == list(range(len(labels)))
    run = [labels[index] for index in order[start:end]]
    for label in set(labels):
        share = labels.count(label) / len(labels)
        assert abs(run.count(label) - share * len(run)) <= 1 + share * max(len(set(labels)) - 2, 0) + 1e-9


@given(each=st.integers(1, 20), num_classes=st.integers(1, 6), seed=SEEDS, data=st.data())
def test_equally_frequent_classes_differ_by_one_at_most(
    each: int, num_classes: int, seed: int, data: st.DataObject
) -> None:
    labels = np.arange(each * num_classes) % num_classes
    order = stratified_order(labels, seed)
    start = data.draw(st.integers(0, len(labels)))
    end = data.draw(st.integers(start, len(labels)))

    counts = np.bincount(labels[order[start:end]], minlength=num_classes)
    assert counts.max() - counts.min() <= 1


def test_a_rare_class_comes_at_even_distances() -> None:
    labels = np.array([0] * 90 + [1] * 10)

    (places,) = np.nonzero(labels[stratified_order(labels, 0)] == 1)
    assert set(np.diff(places)) <= {9, 10, 11}


def test_depends_on_the_seed_alone() -> None:
    labels = np.arange(100) % 10

    assert np.array_equal(stratified_order(labels, 3), stratified_order(labels, 3))
    assert not np.array_equal(stratified_order(labels, 3), stratified_order(labels, 4))


def test_images_of_a_class_are_shuffled_evenly() -> None:
    """Each of 5 images of a class comes first in a fifth of the seeds, up to 4 standard deviations."""
    labels = np.array([0, 1] * 5)
    firsts = [next(index for index in stratified_order(labels, seed) if labels[index] == 0) for seed in range(1000)]

    counts = np.bincount(firsts, minlength=10)[::2]
    assert np.all(np.abs(counts - 200) < 4 * np.sqrt(1000 * 0.2 * 0.8))
