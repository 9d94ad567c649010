"""The line and the rates of one optimizer."""

from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit._lightning import BatchParts
from lightning_regkit.callbacks._batch_rates import BatchRates

PARTS = BatchParts(batch_size=4, devices=2, accumulated=3)


def groups(*rates: Any) -> list[dict[str, Any]]:
    return [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]


def test_every_group_is_multiplied_and_their_ratio_stays() -> None:
    optimizer = torch.optim.SGD(groups(0.1, 0.01))
    text = BatchRates(PARTS, 6, None).write(optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.4, 0.04])
    assert text == (
        "linear rule, k = 4: global batch 24 = 4 x 2 devices x 3 accumulated, reference 6; lr 0.1, 0.01 -> 0.4, 0.04; "
        "ScheduleLR(start_factor=0.25) warms up from the reference rate"
    )


def test_the_square_root_for_an_adaptive_method_unless_told() -> None:
    for rule, expected in ((None, 0.2), ("sqrt", 0.2), ("linear", 0.4)):
        optimizer = torch.optim.Adam(groups(0.1))
        BatchRates(PARTS, 6, rule).write(optimizer)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_a_smaller_batch_has_a_smaller_rate_and_needs_no_warmup() -> None:
    optimizer = torch.optim.SGD(groups(0.1))
    text = BatchRates(PARTS, 96, None).write(optimizer)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
    assert text.endswith("reference 96; lr 0.1 -> 0.025")
    assert "k = 0.25:" in text


def test_what_is_scaled_already_is_scaled_on_from_there() -> None:
    optimizer = torch.optim.SGD(groups(0.4))
    BatchRates(PARTS, 6, None).write(optimizer, scaled_for=24)
    assert optimizer.param_groups[0]["lr"] == 0.4
    BatchRates(PARTS, 6, None).write(optimizer, scaled_for=12)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.8)


def test_no_rule_multiplies_a_step_whose_length_a_line_search_finds() -> None:
    optimizer = torch.optim.LBFGS(groups(1.0), line_search_fn="strong_wolfe")
    with pytest.raises(ValueError, match="rate") as caught:
        BatchRates(PARTS, 6, None).write(optimizer)
    assert str(caught.value) == (
        "ScaleLR: optimizer must have a rate that grows with the batch, got 'LBFGS'. "
        "It finds the length of its steps by itself: leave its rate as it is."
    )
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_a_rate_in_a_tensor_is_written_in_place() -> None:
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam(groups(rate), capturable=False, foreach=False)
    BatchRates(PARTS, 6, "linear").write(optimizer)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.4)


def test_many_rates_are_cut_short() -> None:
    optimizer = torch.optim.SGD(groups(1.0, 2.0, 2.0, 3.0, 4.0))
    assert "; lr 1, 2, 3, ... -> 4, 8, 12, ...;" in BatchRates(PARTS, 6, None).write(optimizer)


def test_an_attached_scheduler_is_refused() -> None:
    optimizer = torch.optim.SGD(groups(0.1))
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.raises(ValueError, match="scheduler") as refused:
        BatchRates(PARTS, 6, None).write(optimizer)
    assert str(refused.value) == (
        "ScaleLR: configure_optimizers must attach no torch scheduler, which keeps the rate it found, got 'SGD'. "
        "Return the optimizer alone, with ScheduleLR among the callbacks."
    )
    assert optimizer.param_groups[0]["lr"] == 0.1
