"""What K-FAC sees of a layer: inputs and output gradients as rows of matrices, and its gradient as one matrix."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit._checks import message

__all__ = ["KroneckerLayer", "activations", "find_layers", "gradient_matrix", "output_gradients", "write_gradient"]

#: Layers whose weight gradient is a sum of outer products; not their subclasses, which may compute something else.
KroneckerLayer: TypeAlias = nn.Linear | nn.Conv2d
IMAGE_NDIM: Final = 3


def find_layers(owner: str, module: nn.Module, exclude: Sequence[str] = ()) -> tuple[dict[str, KroneckerLayer], str]:
    """Return the layers of ``module`` that K-FAC preconditions by name, and a line on them and on those it does not.

    Refuses in the words of ``owner`` if a prefix in ``exclude`` names nothing, or if no layer is left.
    """
    names = [name for name, _ in module.named_modules()]
    unknown = [prefix for prefix in exclude if prefix not in names]
    if unknown:
        raise ValueError(message(owner, "exclude", "hold names of submodules", unknown, f"There are: {names[1:]}."))
    uses = Counter(each for child in module.modules() for each in child.parameters(recurse=False))
    found: dict[str, KroneckerLayer] = {}
    left_out: dict[str, str] = {}
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            is_excluded = any(f"{name}.".startswith(f"{prefix}.") for prefix in exclude)
            reason = "excluded" if is_excluded else _objection(layer, uses)
            if reason:
                left_out[name] = reason
            else:
                found[name] = layer
    if not found:
        raise ValueError(message(owner, "module", "hold a Linear or Conv2d layer to precondition", left_out))
    rest = "".join(f"; {name} stays as it is ({reason})" for name, reason in left_out.items())
    return found, f"preconditions {', '.join(found)}{rest}."


def activations(layer: KroneckerLayer, inputs: Tensor) -> Tensor:
    """Return what each output of ``layer`` is a linear map of, as rows (B, T, D), in float32 at least.

    T counts positions: of a Linear the dimensions between batch and features, of a Conv2d the output pixels, whose rows
    are unfolded patches. With a bias the last entry of a row is the homogeneous 1.

    Args:
        layer: A Linear, or a Conv2d with one group.
        inputs: What it was called with, (B, ..., features) or (B, C, H, W), with or without B; not modified.

    Returns:
        Rows a_t with output_t = [weight, bias] a_t.

    Example:
        >>> activations(nn.Linear(2, 3), torch.tensor([[5.0, 7.0]]))
        tensor([[[5., 7., 1.]]])
    """
    rows = _rows(inputs) if isinstance(layer, nn.Linear) else _patches(layer, inputs)
    rows = _precise(rows)
    return rows if layer.bias is None else torch.cat([rows, rows.new_ones(*rows.shape[:2], 1)], dim=2)


def output_gradients(layer: KroneckerLayer, gradients: Tensor) -> Tensor:
    """Return the gradient by the outputs of ``layer`` as rows (B, T, O), as ``activations`` does the inputs.

    Args:
        layer: A Linear, or a Conv2d with one group.
        gradients: Of the loss by its output, in the output's shape; not modified.

    Returns:
        Rows g_t, in float32 at least; the gradient of [weight, bias] is the sum of g_t a_tᵀ.

    Example:
        >>> output_gradients(nn.Conv2d(1, 2, 1), torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]))
        tensor([[[1., 3.],
                 [2., 4.]]])
    """
    if isinstance(layer, nn.Linear):
        return _precise(_rows(gradients))
    return _precise(_images(gradients).flatten(2).transpose(1, 2))


def gradient_matrix(layer: KroneckerLayer) -> Tensor | None:
    """Return the gradient of weight and bias side by side (O, D), or None while one of them has none."""
    gradients = [parameter.grad for parameter in layer.parameters(recurse=False)]
    present = [_precise(gradient.flatten(1) if gradient.ndim > 1 else gradient[:, None])
               for gradient in gradients if gradient is not None]  # fmt: skip
    return torch.cat(present, dim=1) if len(present) == len(gradients) else None


def write_gradient(layer: KroneckerLayer, matrix: Tensor) -> None:
    """Write the matrix (O, D) into the gradients of weight and bias, in place and in their dtype."""
    start = 0
    for gradient in (parameter.grad for parameter in layer.parameters(recurse=False)):
        assert gradient is not None  # noqa: S101  # gradient_matrix was not None
        width = gradient[0].numel()
        gradient.copy_(matrix[:, start : start + width].reshape(gradient.shape))
        start += width


def _objection(layer: KroneckerLayer, uses: Counter[nn.Parameter]) -> str:
    if type(layer) not in {nn.Linear, nn.Conv2d}:
        return f"a {type(layer).__name__}"
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return "groups > 1"
    own = dict(layer.named_parameters(recurse=False))
    if own.keys() - {"bias"} != {"weight"}:
        return "its weight is computed"
    if len({parameter.requires_grad for parameter in own.values()}) > 1:
        return "partly frozen"
    return "shared parameters" if any(uses[parameter] > 1 for parameter in own.values()) else ""


def _rows(values: Tensor) -> Tensor:
    return values.reshape(1 if values.ndim == 1 else len(values), -1, values.shape[-1])  # (B, T, D)


def _images(values: Tensor) -> Tensor:
    return values[None] if values.ndim == IMAGE_NDIM else values  # (B, C, H, W)


def _patches(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = functional.pad(_images(inputs), _padding(layer), mode=mode)
    patches = functional.unfold(padded, layer.kernel_size, dilation=layer.dilation, stride=layer.stride)  # (B, D, T)
    return patches.transpose(1, 2)


def _padding(layer: nn.Conv2d) -> list[int]:
    """Return left, right, top, bottom; "same" puts an odd remainder to the right and bottom, as torch does."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    if layer.padding == "same":
        totals = [dilation * (size - 1) for dilation, size in zip(layer.dilation, layer.kernel_size, strict=True)]
        return [side for total in reversed(totals) for side in (total // 2, total - total // 2)]
    return [size for size in reversed(layer.padding) for _ in range(2) if isinstance(size, int)]


def _precise(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
