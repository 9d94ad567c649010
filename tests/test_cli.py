"""The console script."""

import argparse
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lightning_regkit import cli


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_subcommand_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main([name, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(f"usage: regkit {name}")
    assert cli.COMMANDS[name].about in said


def test_help_lists_the_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in cli.COMMANDS)


@pytest.mark.parametrize("words", [[], ["paint"]])
def test_without_a_subcommand_there_is_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(words)
    assert capsys.readouterr().err.startswith("usage: regkit")


def test_what_was_parsed_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("word")

    command = cli.Command("say", add_arguments, lambda given: seen.append(given.word))
    monkeypatch.setitem(cli.COMMANDS, "say", command)
    cli.main(["say", "it"])
    assert seen == ["it"]


def test_the_script_is_declared() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    declared = EntryPoint("regkit", project["scripts"]["regkit"], "console_scripts")
    assert declared.load() is cli.main


def test_help_of_a_fresh_interpreter_loads_nothing_heavy() -> None:
    code = "import sys; from lightning_regkit.cli import main; sys.argv = ['regkit', 'report', '--help']\n"
    code += "try: main()\nfinally: print({'torch', 'numpy', 'plotly', 'tensorboard'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: regkit report")
    assert done.stdout.endswith("set()\n")
