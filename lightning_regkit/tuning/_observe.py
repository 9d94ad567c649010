"""What the first batches look like, from a run that took no step."""

from dataclasses import replace
from statistics import fmean

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_regkit.callbacks import WeightPenalty
from lightning_regkit.tuning._expected_loss import LossSpec
from lightning_regkit.tuning._observed import Observed
from lightning_regkit.tuning._overlap import first_tensor
from lightning_regkit.tuning._steps import Ran
from lightning_regkit.tuning._watch import Watch

__all__ = ["beyond", "observe"]


def beyond(watch: Watch) -> Observed:
    """Describe labels that no output is for."""
    call = watch.calls[-1]
    return Observed(float("nan"), LossSpec(call.logits.shape[1], call.name), labels=_span(watch))


def observe(watch: Watch, ran: Ran, given: LossSpec | None) -> Observed:
    """Describe the batches that ``watch`` saw.

    Args:
        watch: Of a run without steps.
        ran: What it left.
        given: What the loss is made of; None where it is to be seen in the call.
    """
    penalties = [each.penalty(ran.module).item() for each in ran.callbacks if isinstance(each, WeightPenalty)]
    loss = fmean(watch.losses) + sum(penalties)
    inputs = [first for batch in watch.batches if (first := first_tensor(batch)) is not None]
    moments = (inputs[0].float().mean().item(), inputs[0].float().std().item()) if inputs else None
    norms = {name for name, layer in ran.module.named_modules() if isinstance(layer, _BatchNorm) and _is_trained(layer)}
    frozen = tuple(name for name, is_training in watch.modes.items() if name in norms and not is_training)
    seen = Observed(loss, given, penalty=sum(penalties), inputs=moments, eval_norms=frozen)
    if not watch.calls:
        return seen
    call = watch.calls[0]
    outputs = call.logits
    return replace(
        seen,
        spec=given or replace(call.spec(watch.losses[0]), bias=_bias(ran.module, outputs.shape[1])),
        batch_size=len(outputs),
        ratio=watch.losses[0] / call.mean if call.mean else None,
        num_images=sum(len(call.logits) for call in watch.calls),
        labels=_span(watch),
        spread=outputs.std(0, correction=0).mean().item(),
        mean_outputs=tuple(outputs.mean(0).tolist()),
        are_probabilities=call.are_probabilities(),
    )


def _is_trained(layer: _BatchNorm) -> bool:
    return any(weight.requires_grad for weight in layer.parameters())


def _span(watch: Watch) -> tuple[int, int] | None:
    labels = [call.labels for call in watch.calls if call.labels is not None and len(call.labels)]
    return (min(int(each.min()) for each in labels), max(int(each.max()) for each in labels)) if labels else None


def _bias(module: nn.Module, num_outputs: int) -> tuple[float, ...] | None:
    biases = [
        layer.bias
        for layer in module.modules()
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.shape[0] == num_outputs
    ]
    return None if not biases or biases[-1] is None else tuple(biases[-1].tolist())
