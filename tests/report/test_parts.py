"""Cards and tables, read back by a parser of HTML."""

import re
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from lightning_regkit.report import Group, Run, Series, Table
from lightning_regkit.report._parts import average_tables, cards, difference_table, table, trial_tables

MARKUP = "<script>alert('1')</script>\"&"


class Cells(HTMLParser):
    """Collects the texts of elements, and every tag there is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.numbers: list[str] = []
        self.is_inside = False
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
            self.numbers.append(dict(attrs).get("class") or "")
            self.is_inside = True

    @override
    def handle_endtag(self, tag: str) -> None:
        self.is_inside = self.is_inside and tag not in {"td", "th"}

    @override
    def handle_data(self, data: str) -> None:
        if self.is_inside:
            self.rows[-1][-1] += data


def run(name: str, config: dict[str, str] | None = None, **series: float) -> Run:
    return Run(name, {key.replace("__", "/"): Series((1,), (value,)) for key, value in series.items()}, config or {})


def alone(*runs: Run) -> list[Group]:
    return [Group(each.name, (each,), ("",)) for each in runs]


def test_a_table_says_what_it_is_given() -> None:
    made = Cells(table(["setting", "a", "b"], [["lr", "0.1", "–"], [MARKUP, "0.2 ± 0.1", ""]]))
    assert made.rows == [["setting", "a", "b"], ["lr", "0.1", "–"], [MARKUP, "0.2 ± 0.1", ""]]
    assert "script" not in made.tags
    assert made.numbers == ["", "number", "number"] * 3


def test_a_table_without_rows_has_its_heading() -> None:
    assert Cells(table(["number", "lr"], [])).rows == [["number", "lr"]]


def test_a_table_scrolls_by_itself() -> None:
    assert table(["a"], []).startswith('<div class="wide"><table>')


def test_a_card_says_what_a_group_is_and_achieved() -> None:
    group = Group("mixup", (run("mixup/0", val_loss=0.5), run("mixup/1", val_loss=1.5)), ("0", MARKUP))
    text = cards([group], None)
    assert "<span>mixup</span>" in text
    assert '<p class="seeds">2 runs, seeds 0, &lt;script&gt;' in text
    assert "<dt>best val_loss</dt><dd>1 at step 1</dd>" in text
    assert 'data-group="0"' in text
    assert "diagnosis" not in text


def test_every_text_of_a_card_is_escaped() -> None:
    text = cards(alone(Run(MARKUP, {f"val_loss {MARKUP}": Series((1,), (0.5,))})), lambda found: found.name)
    assert "script" not in Cells(text).tags
    assert text.count("&lt;script&gt;") == 3


SENTENCES = {"a": "Falls.", "b": "", "c": "Falls.", "d": "Rises < falls."}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("a", ["Falls."]),
        ("ac", ["Falls."]),
        ("acd", ["<b>seeds 0, 1</b> Falls.", "<b>seed 2</b> Rises &lt; falls."]),
        ("ba", ["<b>seed 1</b> Falls."]),
        ("b", []),
    ],
)
def test_each_sentence_is_said_once_with_its_seeds(names: str, said: list[str]) -> None:
    group = Group("mixup", tuple(map(run, names)), tuple(map(str, range(len(names)))))
    text = cards([group], lambda found: SENTENCES[found.name])
    assert re.findall(r'<p class="diagnosis">(.*?)</p>', text) == said


def test_settings_that_differ_are_compared_between_groups() -> None:
    runs = [
        run("a", {"lr": "0.1", "seed": "0", "decay": "0"}),
        run("b", {"lr": MARKUP, "seed": "1", "decay": "0", "alpha": "0.2"}),
        run("without"),
    ]
    made = Cells(difference_table(alone(*runs)))
    assert made.rows == [["setting", "a", "b"], ["lr", "0.1", MARKUP], ["alpha", "–", "0.2"]]


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ([{}, {}], "No settings were logged: there is no hparams.yaml and no config.yaml."),
        ([{"lr": "0.1"}], "None: where settings were logged, they are the same."),
        ([{"lr": "0.1"}, {}, {"lr": "0.1", "seed": "1"}], "None: where settings were logged, they are the same."),
    ],
)
def test_where_nothing_differs_a_sentence_says_so(configs: list[dict[str, str]], said: str) -> None:
    groups = alone(*(run(str(number), config) for number, config in enumerate(configs)))
    assert difference_table(groups) == f'<p class="said">{said}</p>'


def test_averages_are_a_table_for_each_kind_and_loader() -> None:
    first = run("a", ensemble__nll_last_1=0.5, ensemble__nll_last_2=0.25, ensemble__ece_last_2=0.125)
    second = run("b", ensemble__nll_last_1=0.75, multicrop__ms_10__dataloader_idx_1=3.0)
    text = average_tables(alone(first, second))
    assert Cells(text).rows == [
        ["runs", "members", "nll", "ece"],
        ["a", "1", "0.5000", "–"],
        ["a", "2", "0.2500", "0.1250"],
        ["b", "1", "0.7500", "–"],
        ["runs", "views", "ms"],
        ["b", "10", "3.000"],
    ]
    assert "<h3>Ensemble</h3>" in text
    assert "<h3>Views, loader 1</h3>" in text


def test_averages_of_seeds_have_a_spread() -> None:
    group = Group("a", (run("a0", multicrop__nll_1=0.5), run("a1", multicrop__nll_1=1.5)), ("0", "1"))
    assert Cells(average_tables([group])).rows[1] == ["a", "1", "1.000 ± 0.71"]


def test_trials_stand_under_the_name_of_their_folder() -> None:
    found = Run(MARKUP, {}, trials=Table(("number", "lr"), (("0", MARKUP),)))
    text = trial_tables([run("plain"), found])
    assert Cells(text).rows == [["number", "lr"], ["0", MARKUP]]
    assert text.startswith("<h3>&lt;script&gt;")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("0.9533333182334", "0.95333"),
        ("0.0057664", "0.0057664"),
        ("-2.0000012345e-07", "-2e-07"),
        ("123456.7890123", "1.2346e+05"),
        ("0.1", "0.1"),
        ("0.1234567 s", "0.1234567 s"),
        ("20260101", "20260101"),
    ],
)
def test_trials_have_numbers_that_can_be_read(cell: str, shown: str) -> None:
    text = trial_tables([Run("a", {}, trials=Table(("lr",), ((cell,),)))])
    assert Cells(text).rows == [["lr"], [shown]]


def test_no_averages_and_no_trials_are_nothing() -> None:
    assert average_tables(alone(run("a", val_loss=0.5))) == trial_tables([run("a")]) == ""
