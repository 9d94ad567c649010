"""The built-in optimizers, as data."""

from typing import Final

from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

from lightning_regkit.optim._entry import OptimizerEntry

__all__ = ["BUILTIN"]

BUILTIN: Final = (
    OptimizerEntry(
        name="sgd",
        optimizer_class=SGD,
        lr=1e-2,
        weight_decay=0.0,
        summary="p <- p - lr g",
        reference="Robbins and Monro 1951, A Stochastic Approximation Method",
    ),
    OptimizerEntry(
        name="momentum",
        optimizer_class=SGD,
        lr=1e-2,
        weight_decay=0.0,
        summary="v <- momentum v + g; p <- p - lr v",
        reference="Polyak 1964; Sutskever et al. 2013, eq. 1-2. Torch keeps the rate outside v.",
        options=(("momentum", 0.9),),
        aliases=("sgdm",),
    ),
    OptimizerEntry(
        name="nesterov",
        optimizer_class=SGD,
        lr=1e-2,
        weight_decay=0.0,
        summary="v <- momentum v + g; p <- p - lr (g + momentum v)",
        reference="Nesterov 1983; Sutskever et al. 2013, eq. 3-4. Torch evaluates g at the look-ahead point it stores.",
        options=(("momentum", 0.9), ("nesterov", True)),
        aliases=("nag",),
    ),
    OptimizerEntry(
        name="adagrad",
        optimizer_class=Adagrad,
        lr=1e-2,
        weight_decay=0.0,
        summary="s <- s + g^2; p <- p - lr g / (sqrt(s) + eps)",
        reference="Duchi, Hazan and Singer 2011, JMLR 12, section 1.1, diagonal form",
    ),
    OptimizerEntry(
        name="rmsprop",
        optimizer_class=RMSprop,
        lr=1e-3,
        weight_decay=0.0,
        summary="s <- alpha s + (1 - alpha) g^2; p <- p - lr g / (sqrt(s) + eps)",
        reference="Tieleman and Hinton 2012, lecture 6e, which has alpha 0.9 where torch has 0.99",
    ),
    OptimizerEntry(
        name="adam",
        optimizer_class=Adam,
        lr=1e-3,
        weight_decay=0.0,
        summary="p <- p - lr m_hat / (sqrt(v_hat) + eps); weight decay is added to g",
        reference="Kingma and Ba 2015, arXiv 1412.6980, algorithm 1",
    ),
    OptimizerEntry(
        name="adamw",
        optimizer_class=AdamW,
        lr=1e-3,
        weight_decay=1e-2,
        summary="p <- p - lr weight_decay p - lr m_hat / (sqrt(v_hat) + eps)",
        reference="Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2; there the decay is not multiplied by lr.",
    ),
)
