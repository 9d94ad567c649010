"""The average over the noise: a weighted mean of predictive distributions, in bounded memory.

Mean: :func:`combine`, :class:`RunningMean`, :class:`Averaging`, :func:`refuse_probabilities`.
Over views of a batch: :func:`marginalize`, :func:`predict_views`.
Of a LightningModule: :class:`Readout`.
Uncertainty: :func:`uncertainty`, :class:`Uncertainty`, :func:`entropy`, of single views :func:`view_probabilities`.
"""

from lightning_regkit.marginalize._averaging import Averaging
from lightning_regkit.marginalize._chunks import predict_views
from lightning_regkit.marginalize._combine import combine
from lightning_regkit.marginalize._marginalize import marginalize
from lightning_regkit.marginalize._probabilities import refuse_probabilities
from lightning_regkit.marginalize._readout import Readout
from lightning_regkit.marginalize._running import RunningMean
from lightning_regkit.marginalize._uncertainty import Uncertainty, entropy, uncertainty
from lightning_regkit.marginalize._view_probabilities import view_probabilities

__all__ = [
    "Averaging",
    "Readout",
    "RunningMean",
    "Uncertainty",
    "combine",
    "entropy",
    "marginalize",
    "predict_views",
    "refuse_probabilities",
    "uncertainty",
    "view_probabilities",
]
