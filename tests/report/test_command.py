"""``regkit report``."""

import re
from pathlib import Path

import pytest

from lightning_regkit.cli import main
from tests.report.support import training, write_metrics


def test_a_page_is_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [write_metrics(tmp_path / name, training(4)) for name in ("plain", "mixup")]
    out = tmp_path / "made" / "report.html"
    main(["report", *map(str, folders), "--out", str(out), "--title", "Digits"])
    assert capsys.readouterr().out == f"{out}\n"
    text = out.read_text(encoding="utf-8")
    assert "<h1>Digits</h1>" in text
    assert text.count('<p class="diagnosis">') == 2
    assert re.findall(r"<label><input .*?<span>(.*?)</span>", text) == ["plain", "mixup"]


def test_by_default_the_page_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_metrics(tmp_path / "logs", training(4))
    monkeypatch.chdir(tmp_path)
    main(["report", "logs"])
    assert "<h1>Training report</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("notes.txt", "none", "report: RUN must hold metrics.csv, event files or trials.csv, at any depth, got "),
        ("metrics.csv", f"step\n{'9' * 200_000}\n", "report: file "),
    ],
)
def test_a_refusal_is_a_sentence_and_no_page(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit) as refusal:
        main(["report", str(tmp_path), "--out", str(tmp_path / "report.html")])
    assert str(refusal.value).startswith(said)
    assert not (tmp_path / "report.html").exists()


def test_a_page_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    folder = write_metrics(tmp_path / "a", training(4))
    with pytest.raises(SystemExit, match=r"metrics\.csv"):
        main(["report", str(folder), "--out", str(folder / "metrics.csv" / "report.html")])
