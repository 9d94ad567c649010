"""Traces, as Plotly itself reads them."""

import json
import math
from typing import Any

import pytest

from lightning_regkit.report import Band, Series
from lightning_regkit.report._traces import COLORS, Style, band_traces, line, mark, points

SERIES = Series((10, 20, 30), (0.5, math.inf, 1 / 3))
VALID = Style("plain: val_loss", 0)
TRAIN = Style("plain: train_loss", 1, is_dotted=True)


def every_trace() -> list[dict[str, Any]]:
    band = band_traces(Band(SERIES, SERIES, SERIES), TRAIN)
    return [
        line(SERIES, VALID),
        *band,
        mark(10, 0.5, VALID, "best"),
        points([(1, 0.5, 0.1), (2, 0.6, math.nan)], VALID),
    ]


def test_plotly_knows_every_property() -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    figure = graph_objects.Figure(data=every_trace())
    assert len(figure.data) == 6
    assert all(trace.type == "scatter" for trace in figure.data)


def test_traces_are_plain_json() -> None:
    traces = every_trace()
    assert json.loads(json.dumps(traces, allow_nan=False)) == traces


def test_a_line_has_gaps_where_values_are_not_finite() -> None:
    trace = line(SERIES, VALID)
    assert (trace["x"], trace["y"]) == ([10, 20, 30], [0.5, None, 0.3333333])
    assert (trace["mode"], trace["line"]["dash"]) == ("lines", "solid")
    assert trace["meta"] == {"group": 0, "smooth": True}


def test_training_is_dotted_and_has_the_color_of_its_group() -> None:
    trace = line(SERIES, TRAIN)
    assert (trace["line"]["dash"], trace["line"]["color"]) == ("dot", COLORS[1])


def test_a_single_point_is_seen() -> None:
    assert line(Series((1,), (0.5,)), VALID)["mode"] == "markers"


def test_a_band_is_filled_between_its_edges_and_smoothed_with_its_mean() -> None:
    low, high, mean = band_traces(Band(Series((1,), (2.0,)), Series((1,), (1.0,)), Series((1,), (3.0,))), Style("a", 0))
    assert [trace["y"] for trace in (low, high, mean)] == [[1.0], [3.0], [2.0]]
    assert (high["fill"], high["fillcolor"]) == ("tonexty", "rgba(31,95,168,0.18)")
    assert all(trace["meta"]["smooth"] for trace in (low, high, mean))
    assert [trace.get("hoverinfo") for trace in (low, high, mean)] == ["skip", "skip", None]
    assert "hovertemplate" not in low | high


def test_a_mark_stays_where_it_is() -> None:
    trace = mark(20, 0.25, VALID, "best, epoch 3")
    assert (trace["x"], trace["y"], trace["meta"]["smooth"]) == ([20], [0.25], False)
    assert trace["hovertemplate"].startswith("best, epoch 3<br>")


def test_bars_are_drawn_where_there_is_a_spread() -> None:
    assert points([(1, 0.5, 0.0)], VALID)["error_y"]["visible"] is False
    bars = points([(1, 0.5, 0.0), (2, 0.5, 0.1)], VALID)["error_y"]
    assert (bars["visible"], bars["array"]) == (True, [0.0, 0.1])


def test_colors_come_again_after_the_last() -> None:
    assert Style("a", len(COLORS) + 2).color == COLORS[2]
    assert len(set(COLORS)) == len(COLORS)


def test_names_are_escaped_for_plotlys_own_tags() -> None:
    assert line(SERIES, Style("<b>&</b>", 0))["name"] == "&lt;b&gt;&amp;&lt;/b&gt;"
