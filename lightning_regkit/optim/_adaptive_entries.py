"""Entries whose update does not grow with the gradient: AdaGrad to Muon."""

from typing import Final

from torch.optim import Adadelta, Adafactor, Adagrad, Adam, Adamax, AdamW, NAdam, RAdam, RMSprop, Rprop

from lightning_regkit.optim._entry import OptimizerEntry

__all__ = ["ADAPTIVE"]

ADAPTIVE: Final = (
    OptimizerEntry(
        name="adagrad",
        optimizer_class=Adagrad,
        lr=1e-2,
        weight_decay=0.0,
        summary="s <- s + g^2; p <- p - lr g / (sqrt(s) + eps)",
        reference="Duchi, Hazan and Singer 2011, JMLR 12, section 1.1, diagonal form",
        is_adaptive=True,
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="adadelta",
        optimizer_class=Adadelta,
        lr=1.0,
        weight_decay=0.0,
        summary="d = g sqrt(u + eps) / sqrt(s + eps), s and u the running means of g^2 and d^2; p <- p - lr d",
        reference="Zeiler 2012, arXiv 1212.5701, algorithm 1, which has no rate: lr = 1 is the paper's",
        is_adaptive=True,
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="rmsprop",
        optimizer_class=RMSprop,
        lr=1e-3,
        weight_decay=0.0,
        summary="s <- alpha s + (1 - alpha) g^2; p <- p - lr g / (sqrt(s) + eps)",
        reference="Tieleman and Hinton 2012, lecture 6e, which has alpha 0.9 where torch has 0.99",
        is_adaptive=True,
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="rprop",
        optimizer_class=Rprop,
        lr=1e-2,
        weight_decay=None,
        summary="p <- p - r sign(g); r starts at lr, grows while the sign stays and shrinks when it changes",
        reference="Riedmiller and Braun 1993. For full batches: the noise of small ones changes signs.",
        is_adaptive=True,
    ),
    OptimizerEntry(
        name="adam",
        optimizer_class=Adam,
        lr=1e-3,
        weight_decay=0.0,
        summary="p <- p - lr m_hat / (sqrt(v_hat) + eps); weight decay is added to g",
        reference="Kingma and Ba 2015, arXiv 1412.6980, algorithm 1",
        is_adaptive=True,
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="adamw",
        optimizer_class=AdamW,
        lr=1e-3,
        weight_decay=1e-2,
        summary="p <- p - lr weight_decay p - lr m_hat / (sqrt(v_hat) + eps)",
        reference="Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2; there the decay is not multiplied by lr.",
        is_adaptive=True,
        is_decoupled=True,
    ),
    OptimizerEntry(
        name="adamax",
        optimizer_class=Adamax,
        lr=2e-3,
        weight_decay=0.0,
        summary="u <- max(beta2 u, |g| + eps); p <- p - lr m_hat / u",
        reference="Kingma and Ba 2015, arXiv 1412.6980, algorithm 2",
        is_adaptive=True,
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="nadam",
        optimizer_class=NAdam,
        lr=2e-3,
        weight_decay=0.0,
        summary="adam with the momentum of the next step: m_hat mixes g and m by a warmed-up beta1",
        reference="Dozat 2016, Incorporating Nesterov Momentum into Adam, algorithm 2",
        is_adaptive=True,
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="radam",
        optimizer_class=RAdam,
        lr=1e-3,
        weight_decay=0.0,
        summary="adam times a rectification r_t; p <- p - lr m_hat for the first steps, where r_t does not exist",
        reference="Liu et al. 2020, arXiv 1908.03265, algorithm 2",
        is_adaptive=True,
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="adafactor",
        optimizer_class=Adafactor,
        lr=1e-2,
        weight_decay=0.0,
        summary="p <- p - min(lr, 1 / sqrt(t)) rms(p) g / sqrt(v), clipped; v from means over rows and columns",
        reference="Shazeer and Stern 2018, arXiv 1804.04235, algorithm 4",
        is_adaptive=True,
        is_decoupled=True,
    ),
)
