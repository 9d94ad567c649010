"""The seam to Lightning: everything that knows its corners, and nothing else does.

``_namespace``  which Lightning (``lightning.pytorch`` or ``pytorch_lightning``)
``_override``   layers over one method of one object, restored exactly
``_containers`` batches as trees: read an entry, put another in its place
``_layout``     where inputs and targets are in a batch
``_batch``      the batch seam: change the training batch before ``training_step`` sees it
``_predictor``  the predictor seam: call the model several times at test and average
``_calls``      what a call of a predictor takes and gives
``_exchange`` the weights of a module, and running it with others in their place
``_restart``  fresh weights in the middle of a run
``_strategies`` strategies under which the layers are not what is trained
``_clock``      how many steps each optimizer has made
``_step_hooks`` what is called after each of those steps, exactly once
``_closures``   optimizers that evaluate the loss again: where they go wrong
``_horizon``    how many steps the run has
``_time_limit`` how long training may take
``_progress``   the optimizer step that a training batch belongs to
``_place``      where in the run a checkpoint was saved, and how Lightning goes on from there
``_run_state``  what a checkpoint of Lightning leaves out, of which
``_generators`` are the global random generators and
``_meters``     the running averages of the epoch
``_loaders``    the training loaders before they are iterated
``_built``      the layers of the module as soon as they are made
``_optimizers`` the optimizers as soon as they are made
``_global_batch`` what one optimizer step is made of
``_plan``       what is known of a fit before it begins, and
``_planning``   how that is found out
``_gradients``  where gradients may be rewritten before a step
``_evaluation`` the samplers of an evaluation, and logging where processes have unequal shares
``_resume_file`` the file a run is resumed from
``_sigterm``    SIGTERM, delivered to every process between the same two batches
``_rates``      options of the parameter groups as the code gave them, and writing scaled ones
``_schedulers`` schedulers that would write them too: refused, or taken out of the run
``_monitored``  a logged metric, the same on every rank
``_observed``   the same, due wherever it is logged, and where in the run that is
``_weights``    weights of a checkpoint in the module, and who else writes them
``_endings``    how a fit ends, and files of its state
``_batch_statistics`` statistics of BatchNorm layers, computed anew
``_evaluation_noise`` noise at test that a rerun repeats
``_logging_steps`` the steps that are logged, and what they hold
``_loggers``    rows and images to every logger, over its axis
``_idle_hooks`` hooks of a batch that do nothing, which Lightning then passes over
``_fetching``   when training waits for its next batch
``_device_time`` the time at which a device has done what it was told
``_ranks``      one seed for all ranks, another stream for each
"""

from lightning_regkit._lightning._batch import BatchSeam, Example
from lightning_regkit._lightning._clock import Clock
from lightning_regkit._lightning._closures import refuse_closure_misuse
from lightning_regkit._lightning._evaluation import evaluation_samplers, refuse_uneven_logs
from lightning_regkit._lightning._global_batch import BatchParts, batch_parts, training_loaders
from lightning_regkit._lightning._horizon import check_total_steps, given_horizons
from lightning_regkit._lightning._idle_hooks import drop_idle_hooks
from lightning_regkit._lightning._layout import Keys
from lightning_regkit._lightning._loaders import LoaderSeam, flat_loaders, is_cycled
from lightning_regkit._lightning._monitored import is_evaluated, monitored
from lightning_regkit._lightning._namespace import pl, refuse_other_namespace
from lightning_regkit._lightning._optimizers import OptimizerSeam
from lightning_regkit._lightning._override import is_listed
from lightning_regkit._lightning._place import Place, log_step, renumber
from lightning_regkit._lightning._plan import Explained, Plan
from lightning_regkit._lightning._planning import plan_fit
from lightning_regkit._lightning._predictor import PredictorSeam
from lightning_regkit._lightning._progress import Progress
from lightning_regkit._lightning._ranks import CHECKPOINT_KEY, Streams, say
from lightning_regkit._lightning._rates import GroupOption, OptionName, group_options
from lightning_regkit._lightning._restart import refuse_sharded
from lightning_regkit._lightning._resume_file import ResumeFile
from lightning_regkit._lightning._run_state import RunState
from lightning_regkit._lightning._schedulers import (
    attached_schedulers,
    claim_rates,
    is_among,
    refuse_rivals,
    refuse_schedulers,
)
from lightning_regkit._lightning._sigterm import SigtermRelay
from lightning_regkit._lightning._strategies import refuse_flattened

__all__ = [
    "CHECKPOINT_KEY",
    "BatchParts",
    "BatchSeam",
    "Clock",
    "Example",
    "Explained",
    "GroupOption",
    "Keys",
    "LoaderSeam",
    "OptimizerSeam",
    "OptionName",
    "Place",
    "Plan",
    "PredictorSeam",
    "Progress",
    "ResumeFile",
    "RunState",
    "SigtermRelay",
    "Streams",
    "attached_schedulers",
    "batch_parts",
    "check_total_steps",
    "claim_rates",
    "drop_idle_hooks",
    "evaluation_samplers",
    "flat_loaders",
    "given_horizons",
    "group_options",
    "is_among",
    "is_cycled",
    "is_evaluated",
    "is_listed",
    "log_step",
    "monitored",
    "pl",
    "plan_fit",
    "refuse_closure_misuse",
    "refuse_flattened",
    "refuse_other_namespace",
    "refuse_rivals",
    "refuse_schedulers",
    "refuse_sharded",
    "refuse_uneven_logs",
    "renumber",
    "say",
    "training_loaders",
]
