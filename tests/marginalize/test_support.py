import torch

from tests.marginalize.support import naive_mean, random_scores, random_weights


def test_the_naive_mean_by_hand() -> None:
    views = [torch.tensor([0.0, 1.0]), torch.tensor([4.0, 1.0])]
    assert naive_mean(views).tolist() == [2.0, 1.0]
    assert naive_mean(views, [3, 1]).tolist() == [1.0, 1.0]


def test_scores_and_weights_follow_the_seed() -> None:
    assert torch.equal(random_scores(1, 2, 3), random_scores(1, 2, 3))
    assert not torch.equal(random_scores(1, 2, 3), random_scores(2, 2, 3))
    assert random_weights(1, 3) == random_weights(1, 3) != random_weights(2, 3)
    assert all(weight >= 0.05 for weight in random_weights(0, 100))
