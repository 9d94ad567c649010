"""Which figures there are, and what is on them."""

import json
from typing import Any

import pytest

from lightning_regkit.report import Figure, Group, Run, Series, figures


def group(label: str = "a", *, runs: int = 1, **series: tuple[float, ...]) -> Group:
    made = tuple(
        Run(
            f"{label}{seed}",
            {
                name.replace("__", "/"): Series(tuple(range(len(values))), tuple(value + seed for value in values))
                for name, values in series.items()
            },
        )
        for seed in range(runs)
    )
    return Group(label, made, tuple(str(seed) for seed in range(runs)))


def traces(figure: Figure) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = figure.plot["data"]
    return data


def test_loss_and_accuracy_have_a_figure_each() -> None:
    drawn = figures(
        [group(train_loss=(2.0, 1.0), val_loss=(3.0, 2.0), val_acc=(0.5, 0.25), test_acc=(0.5,), epoch=(0, 1))]
    )
    assert [(figure.section, figure.title) for figure in drawn] == [("curves", "Loss"), ("curves", "Accuracy")]
    loss, accuracy = drawn
    assert [trace["name"] for trace in traces(accuracy)] == ["a: val_acc", "a: val_acc"]
    assert [trace["name"] for trace in traces(loss)] == ["a: train_loss", "a: val_loss", "a: val_loss"]
    assert [figure.plot["layout"]["meta"]["loss"] for figure in drawn] == [True, False]
    assert all(figure.plot["layout"]["meta"]["smooth"] for figure in drawn)
    assert [trace["line"]["dash"] for trace in traces(loss)[:2]] == ["dot", "solid"]
    assert loss.plot["layout"]["xaxis"]["title"]["text"] == "step"


def test_the_best_of_each_is_marked_with_its_epoch() -> None:
    drawn = figures([group(val_loss=(3.0, 1.0, 2.0), val_acc=(0.5, 0.25, 0.75), epoch=(0, 7, 8))])
    marks = [traces(figure)[-1] for figure in drawn]
    assert [(mark["x"], mark["y"]) for mark in marks] == [([1], [1.0]), ([2], [0.75])]
    assert [mark["hovertemplate"].partition("<br>")[0] for mark in marks] == ["best, epoch 7", "best, epoch 8"]


def test_without_epochs_the_best_is_marked_by_its_step_alone() -> None:
    (drawn,) = figures([group(val_loss=(3.0, 1.0))])
    assert traces(drawn)[-1]["hovertemplate"].startswith("best<br>")


def test_nothing_finite_is_not_marked() -> None:
    (drawn,) = figures([group(val_loss=(float("nan"), float("nan")))])
    assert len(traces(drawn)) == 1


def test_seeds_are_a_band_in_the_color_of_their_group() -> None:
    (drawn,) = figures([group("a", val_loss=(1.0,)), group("b", runs=3, val_loss=(3.0, 2.0))])
    assert [trace["meta"]["group"] for trace in traces(drawn)] == [0, 0, 1, 1, 1, 1]
    low, high, mean, best = traces(drawn)[2:]
    assert (low["y"], mean["y"], high["y"]) == ([3.0, 2.0], [4.0, 3.0], [5.0, 4.0])
    assert (best["x"], best["y"]) == ([1], [3.0])


def test_schedules_are_drawn_and_not_smoothed() -> None:
    names = {"lr-SGD": (0.1, 0.0), "lr-SGD-momentum": (0.9, 0.8), "lr-SGD-weight_decay": (1e-4, 1e-4)}
    drawn = figures([group(**names)])
    assert [(figure.section, figure.title) for figure in drawn] == [
        ("schedule", "Learning rate"),
        ("schedule", "Momentum"),
        ("schedule", "Weight decay"),
    ]
    assert [figure.plot["layout"]["meta"] for figure in drawn] == [{"loss": False, "smooth": False, "steps": True}] * 3
    assert traces(drawn[0])[0]["y"] == [0.1, 0.0]


def test_averages_are_drawn_over_their_counts() -> None:
    drawn = figures([group(ensemble__nll_last_1=(0.5,), ensemble__nll_last_2=(0.25,), multicrop__ms_10=(3.0,))])
    assert [(figure.section, figure.title) for figure in drawn] == [
        ("averages", "Ensemble: nll"),
        ("averages", "Views: ms"),
    ]
    (trace,) = traces(drawn[0])
    assert (trace["x"], trace["y"], trace["name"]) == ([1, 2], [0.5, 0.25], "a")
    axis = drawn[0].plot["layout"]["xaxis"]
    assert (axis["type"], axis["tickvals"], axis["ticktext"]) == ("log", [1, 2], ["1", "2"])
    assert not drawn[0].plot["layout"]["meta"]["steps"]
    assert (axis["title"]["text"], drawn[1].plot["layout"]["xaxis"]["title"]["text"]) == ("members", "views")


def test_groups_share_the_figure_of_an_average() -> None:
    (drawn,) = figures([group("a", multicrop__nll_1=(1.0,)), group("b", multicrop__nll_2=(1.0,))])
    assert [trace["meta"]["group"] for trace in traces(drawn)] == [0, 1]
    assert drawn.plot["layout"]["xaxis"]["tickvals"] == [1, 2]


def test_everything_else_has_a_figure_of_its_own() -> None:
    drawn = figures([group("a", grad_norm=(1.0, 2.0)), group("b", grad_norm=(2.0, 3.0), gap=(0.5, 0.5))])
    assert [(figure.section, figure.title, len(traces(figure))) for figure in drawn] == [
        ("other", "grad_norm", 2),
        ("other", "gap", 1),
    ]


def test_lines_are_thinned_less_where_they_are_looked_at_first() -> None:
    drawn = figures([group(train_loss=(1.0,) * 5000, gap=(1.0,) * 5000)])
    assert [len(traces(figure)[0]["x"]) for figure in drawn] == [1667, 500]


def test_what_the_command_center_logs_has_its_place() -> None:
    names = ("train_loss", "lr", "momentum", "gap/loss", "dead/layer", "epoch", "seconds")
    drawn = figures([group(**{f"center__{name}": (1.0, 2.0) for name in names})])
    assert [(figure.section, figure.title) for figure in drawn] == [
        ("curves", "Loss"),
        ("schedule", "Learning rate"),
        ("schedule", "Momentum"),
        ("other", "center/gap/loss"),
        ("other", "center/dead/layer"),
        ("other", "center/seconds"),
    ]


def test_figures_are_plain_json_that_plotly_knows() -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    everything = group(runs=2, val_loss=(1.0, 2.0), lr=(0.1, 0.0), ensemble__nll_last_1=(0.5,), gap=(0.5, 0.5))
    for figure in figures([everything]):
        assert json.loads(json.dumps(figure.plot, allow_nan=False)) == figure.plot
        assert graph_objects.Figure(figure.plot).layout.xaxis.title.text


def test_nothing_logged_is_nothing_drawn() -> None:
    assert figures([group()]) == ()
