"""Models trained apart, tested as one: equal to the mean of separate tests."""

import pickle
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error

import lightning_regkit as rk
from lightning_regkit.callbacks import EnsembleCheckpoints
from lightning_regkit.ensemble import read_weights, write_manifest, write_member
from lightning_regkit.errors import CorruptCheckpointError
from tests.callbacks.ensembles import COUNT, Scored, data, evaluate, lines, separate_tests, trained
from tests.support import NUM_CLASSES, images, trainer

TARGETS = images(COUNT)[1]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    with torch.random.fork_rng():
        return trained(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "64-true"])
@pytest.mark.parametrize("placement", ["auto", "host"])
def test_the_users_metrics_are_those_of_the_mean_of_separate_tests(
    precision: str, placement: str, paths: list[Path]
) -> None:
    probs = separate_tests([read_weights(path) for path in paths], precision=precision)
    mean = torch.stack(probs).mean(0)
    model, metrics = evaluate(EnsembleCheckpoints(paths, placement=placement), precision=precision)
    assert_close(torch.cat(model.outputs).float().softmax(-1), mean, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(mean, probs[-1], atol=1e-3), "the members differ"
    assert metrics["accuracy"] == pytest.approx((mean.argmax(-1) == TARGETS).float().mean().item())
    assert metrics["loss"] == pytest.approx(functional.nll_loss(mean.log(), TARGETS).item(), rel=1e-5)


def test_the_curve_is_that_of_separate_tests_averaged_by_hand(paths: list[Path]) -> None:
    probs = separate_tests([read_weights(path) for path in paths])
    ensemble = EnsembleCheckpoints(paths)
    _, metrics = evaluate(ensemble)
    assert [row.num_members for row in ensemble.curve] == [1, 2, 3]
    for row in ensemble.curve:
        mean = torch.stack(probs[-row.num_members :]).mean(0)
        accuracy = multiclass_accuracy(mean, TARGETS, num_classes=NUM_CLASSES, average="micro").item()
        error = multiclass_calibration_error(mean, TARGETS, num_classes=NUM_CLASSES, n_bins=15, norm="l1").item()
        assert row.accuracy == pytest.approx(accuracy)
        assert row.nll == pytest.approx(functional.nll_loss(mean.log(), TARGETS).item(), rel=1e-5)
        assert row.ece == pytest.approx(error, abs=1e-5)
        assert metrics[f"ensemble/accuracy_last_{row.num_members}"] == pytest.approx(row.accuracy)
        assert metrics[f"ensemble/nll_last_{row.num_members}"] == pytest.approx(row.nll)
        assert metrics[f"ensemble/ece_last_{row.num_members}"] == pytest.approx(row.ece)
        alone = probs[-row.num_members]
        assert row.member_accuracy == pytest.approx((alone.argmax(-1) == TARGETS).float().mean().item())
    assert ensemble.curve[0].disagreement == 0
    differs = (probs[-1].argmax(-1) != probs[-2].argmax(-1)).float().mean().item()
    assert ensemble.curve[1].disagreement == pytest.approx(differs)


def test_the_last_of_them_when_asked(paths: list[Path]) -> None:
    probs = separate_tests([read_weights(path) for path in paths])
    two = EnsembleCheckpoints(paths, num_members=2)
    model, _ = evaluate(two)
    assert_close(torch.cat(model.outputs).softmax(-1), torch.stack(probs[-2:]).mean(0), atol=1e-6, rtol=1e-5)
    assert len(two.curve) == 3
    model, metrics = evaluate(blind := EnsembleCheckpoints(paths, num_members=2, curve=False))
    assert_close(torch.cat(model.outputs).softmax(-1), torch.stack(probs[-2:]).mean(0), atol=1e-6, rtol=1e-5)
    assert blind.curve == ()
    assert sorted(metrics) == ["accuracy", "loss"]


def test_the_weights_of_the_module_are_left_alone(paths: list[Path]) -> None:
    model, before = Scored(7), Scored(7).state_dict()
    trainer(callbacks=[EnsembleCheckpoints(paths)]).test(model, data(), verbose=False)
    assert all(torch.equal(value, before[name]) for name, value in model.net.state_dict(prefix="net.").items())
    assert "forward" not in vars(model)


def test_predict_gives_the_mean_and_the_uncertainty_of_each_sample(paths: list[Path]) -> None:
    probs = torch.stack(separate_tests([read_weights(path) for path in paths]))
    ensemble = EnsembleCheckpoints(paths)
    assert ensemble.uncertainty is None
    outputs = trainer(callbacks=[ensemble]).predict(Scored(99), data())
    assert_close(torch.cat(outputs).softmax(-1), probs.mean(0), atol=1e-6, rtol=1e-5)
    found = ensemble.uncertainty
    assert found is not None
    entropy = torch.distributions.Categorical(probs=probs.mean(0)).entropy()
    own = torch.distributions.Categorical(probs=probs).entropy().mean(0)
    assert_close(found.predictive_entropy, entropy, atol=1e-5, rtol=1e-4)
    assert_close(found.mutual_information, entropy - own, atol=1e-5, rtol=1e-3)
    assert ensemble.curve == (), "no targets are needed"


@pytest.mark.usefixtures("logs_of_lightning")
def test_an_explicit_ckpt_path_switches_it_off_for_that_call(
    paths: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    single, *_ = separate_tests([read_weights(paths[0])])
    ensemble = EnsembleCheckpoints(paths)
    model, run = Scored(99), trainer(callbacks=[ensemble])
    run.test(model, data(), verbose=False, ckpt_path=paths[0], weights_only=True)
    assert_close(torch.cat(model.outputs).softmax(-1), single)
    said = f"EnsembleCheckpoints: no ensemble in this call, for the weights of {paths[0]} were asked for."
    assert lines(caplog, "EnsembleCheckpoints") == [said]
    assert ensemble.curve == ()
    run.test(model, data(), verbose=False)
    assert len(ensemble.curve) == 3, "the next call is not affected"


def test_members_on_disk_are_taken_and_checked(paths: list[Path], tmp_path: Path) -> None:
    member = write_member(tmp_path, read_weights(paths[0]), step=1, cycle=0, rate=0.0)
    file = tmp_path / member.file
    evaluate(EnsembleCheckpoints([file]))
    write_manifest(tmp_path, [member])
    file.write_bytes(file.read_bytes()[:-1] + bytes([file.read_bytes()[-1] ^ 1]))
    with pytest.raises(CorruptCheckpointError, match="have the checksum"):
        evaluate(EnsembleCheckpoints([file]))


def test_explain_and_pickle(paths: list[Path]) -> None:
    ensemble = EnsembleCheckpoints(paths)
    assert pickle.loads(pickle.dumps(ensemble)).paths == tuple(map(str, paths))
    run = trainer(max_epochs=1, callbacks=[ensemble])
    said = "EnsembleCheckpoints: nothing in fit; at test, predict the mean of 3 models"
    assert said in rk.explain(run, Scored(), train_dataloaders=data())


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"paths": []}, ValueError, "paths must list one file or more, got []."),
        ({"paths": "a.ckpt"}, ValueError, "paths must list one file or more, got 'a.ckpt'."),
        ({"num_members": 0}, ValueError, "num_members must be a positive integer, got 0."),
        ({"placement": "gpu"}, ValueError, "placement must be one of auto, device, host, got 'gpu'."),
        ({"stages": ["fit"]}, ValueError, "stages must be one of predict, test, validate, got 'fit'."),
        (
            {"readout": "x"},
            TypeError,
            "readout must be a Readout of lightning_regkit.marginalize, got 'x'. "
            'Write Readout(activation="sigmoid").',
        ),
    ],
)
def test_refusals(options: dict[str, object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        EnsembleCheckpoints(**{"paths": ["a.ckpt"], **options})
    assert str(refusal.value) == f"EnsembleCheckpoints: {text}"
