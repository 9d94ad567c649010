"""The seam to Lightning: everything that knows its corners, and nothing else does.

``_namespace``  which Lightning (``lightning.pytorch`` or ``pytorch_lightning``)
``_override``   layers over one method of one object, restored exactly
``_containers`` batches as trees: read an entry, put another in its place
``_layout``     where inputs and targets are in a batch
``_batch``      the batch seam: change the training batch before ``training_step`` sees it
``_predictor``  the predictor seam: call the model several times at test and average
``_calls``      what a call of a predictor takes and gives
``_clock``      how many steps each optimizer has made
``_horizon``    how many steps the run has
``_place``      where in the run a checkpoint was saved, and how Lightning goes on from there
``_run_state``  what a checkpoint of Lightning leaves out, of which
``_generators`` are the global random generators and
``_meters``     the running averages of the epoch
``_loaders``    the training loaders before they are iterated
``_sigterm``    SIGTERM, delivered to every process between the same two batches
``_rates``      base learning rates of the parameter groups, and writing scaled ones
``_ranks``      one seed for all ranks, another stream for each
"""

from lightning_regkit._lightning._batch import BatchSeam, Example
from lightning_regkit._lightning._clock import Clock
from lightning_regkit._lightning._horizon import check_total_steps
from lightning_regkit._lightning._layout import Keys
from lightning_regkit._lightning._loaders import LoaderSeam, flat_loaders
from lightning_regkit._lightning._namespace import pl, refuse_other_namespace
from lightning_regkit._lightning._place import Place, log_step, renumber
from lightning_regkit._lightning._predictor import PredictorSeam
from lightning_regkit._lightning._ranks import CHECKPOINT_KEY, Streams, free_path, say
from lightning_regkit._lightning._rates import Rates, refuse_schedulers
from lightning_regkit._lightning._run_state import RunState
from lightning_regkit._lightning._sigterm import SigtermRelay

__all__ = [
    "CHECKPOINT_KEY",
    "BatchSeam",
    "Clock",
    "Example",
    "Keys",
    "LoaderSeam",
    "Place",
    "PredictorSeam",
    "Rates",
    "RunState",
    "SigtermRelay",
    "Streams",
    "check_total_steps",
    "flat_loaders",
    "free_path",
    "log_step",
    "pl",
    "refuse_other_namespace",
    "refuse_schedulers",
    "renumber",
    "say",
]
