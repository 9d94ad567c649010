"""DropConnect: weights are dropped, not activations."""

from typing import Any, Literal, cast, final

import torch
from torch import Tensor, nn
from torch.func import functional_call
from typing_extensions import override

from lightning_regkit._checks import message, one_of
from lightning_regkit.regularizers._masked import Connected, check_rate, drop_connect, gaussian_moments
from lightning_regkit.regularizers._noise_layer import NoiseLayer

__all__ = ["DropConnect"]


@final
class DropConnect(NoiseLayer):
    """A linear layer or convolution whose weights are dropped at random: y = (M * W) x + m * b.

    The entries of M and m are 0 with probability p, else 1 / (1 - p). In evaluation the layer computes the mean,
    W x + b. It takes over the layer it is given: the same ``Parameter`` objects under the same names, so that a
    checkpoint of the plain network fits and optimizers see no difference; other attributes are the layer's.

    Args:
        layer: ``nn.Linear`` or ``nn.Conv2d``; inputs (B, ...).
        p: Probability that a weight is dropped, in [0, 1). May be changed at any time.
        per: ``"sample"``: every example has masks of its own, as in the paper, in B times the memory of the weights;
            ``"batch"``: one mask for all.
        sampler: What an average over the noise at test draws: ``"bernoulli"``, masks as in training; ``"gaussian"``, y
            itself from the normal distribution of the same mean and variance, for every example and output apart.

    Raises:
        TypeError: ``layer`` is another kind of layer, or ``p`` no number.
        ValueError: An argument is out of range.

    Example:
        >>> layer = DropConnect(nn.Linear(4, 2), p=0.5)
        >>> list(layer.state_dict()), layer.out_features
        (['weight', 'bias'], 2)

    Reference:
        Wan et al., "Regularization of Neural Networks using DropConnect", ICML 2013, sections 2 and 3, algorithm 1.

    Differs from the paper:
        Its p is the probability of keeping a weight; it scales at test, not in training; and its mean at test is that
        of the activations after this layer, where ``MonteCarloDropout`` takes that of the predictions.
    """

    def __init__(
        self,
        layer: Connected,
        p: float = 0.5,
        *,
        per: Literal["sample", "batch"] = "sample",
        sampler: Literal["bernoulli", "gaussian"] = "bernoulli",
    ) -> None:
        super().__init__()
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            raise TypeError(message("DropConnect", "layer", "be nn.Linear or nn.Conv2d", type(layer).__name__))
        self.p = check_rate(p)
        self.per = one_of("DropConnect", "per", per, ("batch", "sample"))
        self.sampler = one_of("DropConnect", "sampler", sampler, ("bernoulli", "gaussian"))
        self.weight, self.bias = layer.weight, layer.bias
        vars(self)["_layer"] = layer  # no submodule: its names would be other ones
        self.train(layer.training)

    @override
    def __getattr__(self, name: str) -> Any:  # whatever the layer has
        """Answer for the layer that was taken over where this one has no such attribute."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if "_layer" not in vars(self):  # while it is unpickled
                raise
            return getattr(vars(self)["_layer"], name)

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, ...) as the layer does, with noise in training and while an average over it is taken."""
        layer: Connected = vars(self)["_layer"]
        weights: dict[str, Tensor] = dict(self.named_parameters(recurse=False))
        if not self.is_noisy:
            return cast("Tensor", functional_call(layer, weights, (inputs,)))
        if self.training or self.sampler == "bernoulli":
            return drop_connect(layer, inputs, self.p, per=self.per, weights=weights)
        mean, variance = gaussian_moments(layer, inputs, self.p, weights=weights)
        return mean + variance.sqrt() * torch.randn_like(mean)

    @override
    def extra_repr(self) -> str:
        return f"{vars(self)['_layer']}, p={self.p}, per={self.per!r}, sampler={self.sampler!r}"
