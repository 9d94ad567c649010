"""Running a module with the weights of members: the right result, and no trace."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch._dynamo.testing
from torch import Tensor, nn
from torchmetrics import MeanMetric

from lightning_regkit._lightning._exchange import WeightExchange, weights_of

INPUTS = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """Tied weights, batch statistics, a buffer that is not saved."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.register_buffer("scratch", torch.ones(1), persistent=False)
        self.norm.running_mean = torch.randn(4)
        self.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(self.norm(self.first(inputs)).relu())


def members(count: int = 3) -> list[tuple[str, Callable[[], dict[str, Tensor]]]]:
    return [(f"m{seed}", Net(seed + 1).state_dict) for seed in range(count)]


def by_hand(count: int = 3) -> Tensor:
    with torch.no_grad():
        return torch.stack([Net(seed + 1)(INPUTS) for seed in range(count)])


def test_weights_of_a_module_are_its_own_tensors_once() -> None:
    net = Net()
    found = weights_of(net)
    saved = set(net.state_dict())
    assert found.keys() == saved - {"second.weight"}, "tied to the first"
    assert "scratch" not in saved
    assert found["first.weight"] is net.first.weight


def test_names_are_those_of_the_eager_module() -> None:
    net = Net()
    wrapped = nn.Sequential()
    wrapped.add_module("0", torch.compile(net, backend="eager"))  # an OptimizedModule
    assert weights_of(wrapped).keys() == weights_of(nn.Sequential(net)).keys()


@pytest.mark.parametrize("placement", ["auto", "device", "host"])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_every_member_predicts_as_itself_and_leaves_no_trace(placement: str, mode: Any) -> None:
    net = Net()
    own, state = net(INPUTS).detach(), {name: value.clone() for name, value in net.state_dict().items()}
    pointers = [weight.data_ptr() for weight in weights_of(net).values()]
    with mode():
        exchange = WeightExchange("Ours", net, members(), placement)
        for _ in range(2):
            assert torch.equal(exchange.logits(net, INPUTS), by_hand())
            assert torch.equal(net(INPUTS), own)
    assert [weight.data_ptr() for weight in weights_of(net).values()] == pointers
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    net.train()(INPUTS).sum().backward()
    assert net.first.weight.grad is not None, "it can be trained on"


def test_weights_are_back_after_an_exception() -> None:
    net = Net()
    own = net.first.weight.clone()

    def fail(_: Tensor) -> Tensor:
        assert not torch.equal(net.first.weight, own)
        raise OSError("on fire")

    with torch.no_grad(), pytest.raises(OSError, match="on fire"):
        WeightExchange("Ours", net, members(), "auto").logits(fail, INPUTS)
    assert torch.equal(net.first.weight, own)


def test_autocast_does_not_go_on_with_the_last_members_weights() -> None:
    net = Net()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        alone: list[Tensor] = []
        for seed in range(3):
            torch.clear_autocast_cache()
            alone.append(Net(seed + 1)(INPUTS))
        own = net(INPUTS)
        assert torch.equal(WeightExchange("Ours", net, members(), "auto").logits(net, INPUTS), torch.stack(alone))
        assert torch.equal(net(INPUTS), own)


def test_a_compiled_module_is_not_compiled_again() -> None:
    net = Net()
    counter = torch._dynamo.testing.CompileCounter()
    compiled = torch.compile(net, backend=counter)
    with torch.no_grad():
        compiled(INPUTS)
        found = WeightExchange("Ours", compiled, members(10), "auto").logits(compiled, INPUTS)
    torch.testing.assert_close(found, by_hand(10))
    assert counter.frame_count == 1
    torch._dynamo.reset()


def test_members_are_brought_to_the_precision_and_layout_of_the_module() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3)).to(torch.float64).to(memory_format=torch.channels_last)
    other = nn.Sequential(nn.Conv2d(3, 4, 3)).state_dict()
    seen: list[Tensor] = []

    def look(inputs: Tensor) -> Tensor:
        seen.append(net.get_parameter("0.weight").detach())
        logits: Tensor = net(inputs).flatten(1)
        return logits

    with torch.no_grad():
        exchange = WeightExchange("Ours", net, [("m", lambda: other)], "auto")
        exchange.logits(look, torch.zeros(1, 3, 4, 4, dtype=torch.float64))
    assert seen[0].dtype == torch.float64
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert exchange.where == "0.0 MB on cpu"


def test_it_says_how_much_memory_and_where() -> None:
    net = nn.Linear(1000, 250)  # 251,000 numbers of 4 bytes, taken twice
    twice = [("m", net.state_dict)] * 2
    assert WeightExchange("Ours", net, twice, "auto").where == "2.0 MB on cpu"
    assert WeightExchange("Ours", net, twice, "host").where == "2.0 MB in host memory, copied for every batch"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"norm.bias": None}, "hold the weights of this module, got \"m without ['norm.bias']\"."),
        ({"head.bias": torch.ones(1)}, "hold the weights of this module, got \"m with ['head.bias'] beside them\"."),
        ({"norm.bias": torch.ones(3)}, "hold norm.bias of (4,), got 'm with norm.bias of shape (3,)'."),
    ],
)
def test_other_weights_are_refused(change: dict[str, Tensor | None], found: str) -> None:
    weights = {name: value for name, value in {**Net(1).state_dict(), **change}.items() if value is not None}
    with pytest.raises(ValueError, match="Ours") as refusal:
        WeightExchange("Ours", Net(), [("m", lambda: weights)], "auto")
    assert str(refusal.value) == f"Ours: members must {found}"


def test_either_name_of_a_tied_weight_will_do() -> None:
    weights = Net(1).state_dict()
    for name in ("first.weight", "second.weight"):
        less = {key: value for key, value in weights.items() if key != name}
        with torch.no_grad():
            found = WeightExchange("Ours", net := Net(), [("m", less.copy)], "auto").logits(net, INPUTS)
        assert torch.equal(found, by_hand(1))


class Measured(nn.Module):
    """Keeps a metric whose state is saved, and is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 4)
        self.mean = MeanMetric()
        self.mean.persistent(mode=True)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.net(inputs)
        return logits


def test_states_of_metrics_are_no_weights_but_may_be_in_a_file() -> None:
    model, other = Measured(), Measured()
    assert "mean.mean_value" in model.state_dict()
    assert weights_of(model).keys() == {"net.weight", "net.bias"}
    model.mean.update(3.0)
    with torch.no_grad():
        exchange = WeightExchange("Ours", model, [("m", other.state_dict)], "auto")
        assert torch.equal(exchange.logits(model, INPUTS)[0], other(INPUTS))
    assert model.mean.compute() == 3.0
