"""Settings: flattened, read without running anything, compared."""

import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.core.saving import save_hparams_to_yaml

from lightning_regkit.report import Difference, differences
from lightning_regkit.report._config import flat, read_yaml

CONFIGS = st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=4)


def test_nested_settings_get_dotted_names() -> None:
    nested = {"a": {"b": [1, {"c": "x"}], 2: (True, None)}, "d": 0.5}
    assert flat(nested) == {"a.b.0": "1", "a.b.1.c": "x", "a.2.0": "true", "a.2.1": "null", "d": "0.5"}


def test_what_is_empty_is_a_setting_too() -> None:
    assert flat({"callbacks": [], "options": {}}) == {"callbacks": "[]", "options": "{}"}


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_nothing_has_no_settings(nothing: object) -> None:
    assert flat(nothing) == {}


@given(CONFIGS)
def test_a_setting_differs_unless_all_have_it_alike(configs: list[dict[str, str]]) -> None:
    rows = {row.key: row.values for row in differences(configs)}
    for key in "abcd":
        column = tuple(config.get(key) for config in configs)
        assert rows.get(key) == (column if any(value != column[0] for value in column) else None)


def test_differences_keep_the_order_of_the_files() -> None:
    found = differences([{"z": "1", "a": "1"}, {"a": "2", "z": "2", "m": "3"}])
    assert found == (Difference("z", ("1", "2")), Difference("a", ("1", "2")), Difference("m", (None, "3")))


def test_what_lightning_saves_is_read_without_running_it(tmp_path: Path) -> None:
    path = tmp_path / "hparams.yaml"
    options = Namespace(depth=2, activation=torch.nn.ReLU)
    save_hparams_to_yaml(path, {"lr": 0.1, "options": options, "betas": (0.9, 0.99), "seed": 3})
    assert read_yaml(path) == {
        "lr": "0.1",
        "options.activation": "torch.nn.modules.activation.ReLU",
        "options.depth": "2",
        "betas.0": "0.9",
        "betas.1": "0.99",
        "seed": "3",
    }


def test_python_in_a_file_is_not_run(tmp_path: Path) -> None:
    path, target = tmp_path / "hparams.yaml", tmp_path / "made"
    path.write_text(f"a: !!python/object/apply:os.mkdir [{target}]\nb: !Own text\n")
    assert read_yaml(path) == {"a.0": str(target), "b": "!Own text"}
    assert not target.exists()


@pytest.mark.parametrize("text", ["a: [", "&a [*a]", "a: 2026-99-99"])
def test_what_is_no_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^report: file '.*config\.yaml' must be YAML, got '"):
        read_yaml(path)


def test_without_yaml_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    message = r"^report: PyYAML must be installed to read settings\. Run pip install pyyaml\.$"
    with pytest.raises(ImportError, match=message):
        read_yaml(tmp_path / "hparams.yaml")
