"""A line, a band, or lines where no band can be."""

import math

from lightning_regkit.report import Band, Group, Point, Run, Series
from lightning_regkit.report._curves import Curve, best_of, curve_of, drawn

ONE = Series((1, 2), (1.0, 3.0))
TWO = Series((1, 2), (3.0, 5.0))
LATER = Series((3, 4), (1.0, 2.0))


def group(*series: Series | None) -> Group:
    runs = tuple(Run(str(seed), {} if each is None else {"loss": each}) for seed, each in enumerate(series))
    return Group("a", runs, tuple(run.name for run in runs))


def test_one_run_is_a_line() -> None:
    assert curve_of(group(ONE), "loss") == Curve((ONE,))
    assert curve_of(group(ONE, None), "loss").center == ONE


def test_runs_are_a_band() -> None:
    curve = curve_of(group(ONE, TWO), "loss")
    assert curve.lines == ()
    assert curve.center == Series((1, 2), (2.0, 4.0))


def test_runs_without_common_steps_are_lines_without_a_center() -> None:
    curve = curve_of(group(ONE, LATER), "loss")
    assert curve == Curve((ONE, LATER))
    assert curve.center is None
    assert best_of(curve, is_lower_better=True) is None


def test_what_no_run_logged_is_nothing() -> None:
    assert curve_of(group(ONE), "acc") == Curve(())


def test_the_best_is_that_of_the_mean() -> None:
    curve = curve_of(group(Series((1, 2), (0.0, 3.0)), Series((1, 2), (8.0, 3.0))), "loss")
    assert best_of(curve, is_lower_better=True) == Point(2, 3.0)
    assert best_of(curve, is_lower_better=False) == Point(1, 4.0)


def test_nothing_finite_has_no_best() -> None:
    assert best_of(Curve((Series((1,), (math.nan,)),)), is_lower_better=True) is None


def test_what_is_drawn_is_thinned_alike() -> None:
    long = Series(tuple(range(8)), tuple(float(each % 2) for each in range(8)))
    thin = Series((1, 3, 5, 7), (0.5,) * 4)
    assert drawn(Curve((long, ONE)), 4) == Curve((thin, ONE))
    assert drawn(Curve((), Band(long, ONE, long)), 4) == Curve((), Band(thin, ONE, thin))
