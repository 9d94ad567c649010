"""Is there what a command on a page asks for? Programs read their words and are stopped there."""

import argparse
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr
from functools import cache
from importlib import import_module
from io import StringIO
from typing import Any, Final, Never

import pytest
from jsonargparse import ArgumentParser
from lightning.pytorch.cli import LightningCLI
from torch import nn
from torch.distributed.run import get_args_parser

import lightning_regkit as rk
from lightning_regkit import cli as regkit
from recipes import __main__ as recipes
from tests.benchmarks.__main__ import NAMES
from tests.meta.tree import ROOT

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: Final[dict[str, list[str]]] = PROJECT["project"]["optional-dependencies"]
RECIPE: Final = "recipes/digits/regularized.yaml"
#: What stands for a file of the reader's.
PLACEHOLDERS: Final = {"--config FILE": f"--config {RECIPE}", "--config run.yaml": f"--config {RECIPE}"}
#: Programs of the reader's machine: of Slurm, and of the shell.
FOREIGN: Final = ("[", "scontrol")


class StaleError(Exception):
    """A page names what is not there."""


class ReadError(Exception):
    """Ends a program that has read its words."""


def check(line: str) -> None:
    """See that everything is there that a line of a shell asks for.

    Raises:
        StaleError: Something is not.
    """
    for written, read in PLACEHOLDERS.items():
        line = line.replace(written, read)
    for command in re.split(r" (?:\|\||&&|\|) ", re.sub(r"\$\w+", "0", line)):
        words = [word for word in shlex.split(command, comments=True) if not re.match(r"[A-Z_]+=", word)]
        if ">" in words:
            exist(words[words.index(">") + 1 :])
            words = words[: words.index(">")]
        program = words[0].removeprefix(".venv/bin/")
        if program not in PROGRAMS:
            raise StaleError(f"nobody checks {program}")
        PROGRAMS[program](words[1:])


def exist(paths: Iterable[str]) -> None:
    refuse([path for path in paths if not (ROOT / path).exists()], "is not there")


def refuse(found: Sequence[object], what: str) -> None:
    if found:
        raise StaleError(f"{', '.join(map(str, found))} {what}")


def make(words: Sequence[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    refuse(sorted(set(words) - set(targets)), "is no target")


def pip(words: Sequence[str]) -> None:
    needed = [*PROJECT["project"]["dependencies"], *(each for extra in EXTRAS.values() for each in extra)]
    names = {PROJECT["project"]["name"], ".", *(re.split(r"[>\[]", each)[0] for each in needed)}
    for word in words[1:]:
        name, _, extras = word.rstrip("]").partition("[")
        is_known = name in {*names, "-e"} and {*extras.split(",")} <= {*EXTRAS, ""}
        refuse([] if is_known else [word], "is not installed")


def pytest_(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser("pytest")
    parser.add_argument("paths", nargs="*")
    for option in "kmr":
        parser.add_argument(f"-{option}", default="")
    given, _ = read(parser.parse_args, words)
    exist(given.paths)
    files = [file for path in given.paths for file in [ROOT / path, *(ROOT / path).rglob("*.py")] if file.is_file()]
    tests = " ".join(name for file in files for name in re.findall(r"def (test_\w+)", file.read_text()))
    marks = " ".join(PROJECT["tool"]["pytest"]["markers"])
    for expression, names in ((given.k, tests), (given.m, marks)):
        words = [word for word in re.findall(r"\w+", expression) if word not in {"and", "not", "or"}]
        refuse([word for word in words if word not in names], "selects nothing")


def python(words: Sequence[str]) -> None:
    match words:
        case ["-m", "recipes", *rest]:
            recipe(rest)
        case ["-m", "pytest", *rest]:
            pytest_(rest)
        case ["-m", "tests.benchmarks", *rest]:
            given, _ = read(import_module("tests.benchmarks.__main__").main, rest)
            refuse(sorted(set(given.names) - {*NAMES, "NAME"}), "is no benchmark")
        case ["-m", name, *rest]:
            program(name, rest)
        case ["train.py", *rest]:
            train(rest)
        case [script, *rest]:
            exist([script, *(word for word in rest if word.startswith("docs/"))])


def program(name: str, words: Sequence[str]) -> None:
    module = ROOT / name.replace(".", "/")
    found = [path for path in (module.with_suffix(".py"), module / "__main__.py") if path.exists()]
    refuse([] if found and "\nif __name__" in found[0].read_text() else [name], "is no program")
    if words:
        read(import_module(".".join(found[0].relative_to(ROOT).with_suffix("").parts)).main, words)


def recipe(words: Sequence[str]) -> None:
    match words:
        case [] | [("plan" | "smoke" | "tune")]:  # it is only named
            pass
        case [name, *rest] if name in recipes.SUBCOMMANDS:
            given, left = read(recipes.SUBCOMMANDS[name], rest, is_whole=name == "quickstart")
            config = ["--config", str(given.config)] if name == "smoke" else []
            if name != "quickstart":
                lightning(["fit", *config, *left])
        case _:
            lightning(words)


def lightning(words: Sequence[str]) -> Any:
    said = StringIO()
    try:
        with redirect_stderr(said):
            return parser().parse_args(words)
    except SystemExit as end:
        raise StaleError(said.getvalue().rpartition("error: ")[2]) from end


@cache
def parser() -> ArgumentParser:
    """The parser of ``python -m recipes fit`` and its like."""

    class Unread(LightningCLI):
        def parse_arguments(self, parser: Any, args: Any) -> Never:
            raise ReadError(parser)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "LightningCLI", Unread)
        with pytest.raises(ReadError) as caught:
            recipes.main([])
    found: ArgumentParser = caught.value.args[0]
    return found


def train(words: Sequence[str]) -> None:
    if words:  # the reader's own, with a LightningCLI as the recipes have
        lightning(words)


def torchrun(words: Sequence[str]) -> None:
    script = [] if "train.py" in words else ["train.py"]
    given, _ = read(get_args_parser().parse_args, [*words, *script])
    train(given.training_script_args)


def regkit_(words: Sequence[str]) -> None:
    if words not in ([], *([name] for name in regkit.COMMANDS)):  # else it is only named
        read(regkit.main, words)


def read(main: Callable[[list[str]], object], words: Sequence[str], *, is_whole: bool = True) -> Any:
    """Let a program read its words, and stop it there.

    Returns:
        What it was given, and what is left, which only goes where something else reads it.
    """
    parse = argparse.ArgumentParser.parse_known_args

    def stop(self: Any, args: Any = None, namespace: Any = None) -> Never:
        raise ReadError(*parse(self, args, namespace))

    def say(self: Any, text: str) -> Never:
        raise StaleError(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_known_args", stop)
        patch.setattr(argparse.ArgumentParser, "error", say)
        with pytest.raises(ReadError) as caught:
            main(list(words))
    refuse(caught.value.args[1] if is_whole else (), "is not understood")
    return caught.value.args


def configuration(text: str) -> None:
    """See that LightningCLI understands a part of a recipe, and the registry its optimizer."""
    read = lightning(["fit", "--config", RECIPE, "--config", text])
    try:
        rk.optim.create(nn.Linear(1, 1), **read["fit"]["model"]["optimizer"])
    except (TypeError, ValueError) as error:
        raise StaleError(str(error)) from error


PROGRAMS: Final[dict[str, Callable[[Sequence[str]], None]]] = {
    "make": make,
    "pip": pip,
    "pre-commit": lambda words: exist([".pre-commit-config.yaml"]),
    "pytest": pytest_,
    "python": python,
    "regkit": regkit_,
    "srun": lambda words: python(words[words.index("python") + 1 :]),
    "tensorboard": lambda words: pip(["install", "tensorboard"]),
    "torchrun": torchrun,
    "train.py": train,
    **dict.fromkeys(FOREIGN, lambda words: None),
}
