import pytest
import torch
from torch import Tensor

from lightning_regkit.monitoring import to_floats


def test_numbers_and_tensors_come_back_in_order() -> None:
    values = {"b": torch.tensor(2.0), "a": 1, "c": torch.tensor([[3]]), "d": 0.1}
    assert list(to_floats(values).items()) == [("b", 2.0), ("a", 1), ("c", 3.0), ("d", 0.1)]
    assert to_floats({}) == {}


def test_double_precision_stays() -> None:
    assert to_floats({"a": torch.tensor(0.1, dtype=torch.float64), "b": torch.tensor(0.5)}) == {"a": 0.1, "b": 0.5}


def test_other_precisions_become_single() -> None:
    values = {"a": torch.tensor(0.5, dtype=torch.bfloat16), "b": torch.tensor(True), "c": torch.tensor(60000.0).half()}
    assert to_floats(values) == {"a": 0.5, "b": 1.0, "c": 60000.0}


def test_gradients_are_left_behind() -> None:
    assert to_floats({"a": torch.tensor(2.0, requires_grad=True) * 2}) == {"a": 4.0}


def test_a_device_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[torch.Size] = []
    real = Tensor.tolist

    def tolist(tensor: Tensor) -> object:
        sizes.append(tensor.shape)
        return real(tensor)

    monkeypatch.setattr(Tensor, "tolist", tolist)
    to_floats({str(index): torch.tensor(float(index)) for index in range(5)} | {"lr": 0.1})
    assert sizes == [(5,)]


def test_two_devices_are_asked_each() -> None:
    """The meta device has no values, which shows that it was asked, apart from the other."""
    with pytest.raises(NotImplementedError, match="meta"):
        to_floats({"a": torch.tensor(1.0), "b": torch.zeros((), device="meta")})


def test_more_than_one_entry_is_refused() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        to_floats({"a": torch.zeros(2)})
