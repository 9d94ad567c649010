"""Where trials are kept, and a database that two open at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from lightning_regkit.tuning import _storage
from lightning_regkit.tuning._storage import open_storage
from lightning_regkit.tuning._study import sober


class Fails:
    """A database that cannot be opened the first times."""

    opens = optuna.storages.RDBStorage

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, url: str, **options: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise OSError("table studies already exists")
        return self.opens(url, **options)


@pytest.fixture(autouse=True)
def _sober() -> Iterator[None]:
    with sober():
        yield


def test_names_say_what_kind_it_is(tmp_path: Path) -> None:
    journal, database = f"{tmp_path}/new/a.journal", f"sqlite:///{tmp_path}/b.db"
    kinds = [type(open_storage(named, None)).__name__ for named in (None, journal, database)]
    assert kinds == ["InMemoryStorage", "JournalStorage", "RDBStorage"]
    open_storage(None, tmp_path / "folder")
    assert (tmp_path / "folder" / "trials.db").exists()


def test_a_database_whose_tables_another_process_makes_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_storage, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(optuna.storages, "RDBStorage", Fails(2))
    assert open_storage(None, tmp_path).get_all_studies() == []
    monkeypatch.setattr(optuna.storages, "RDBStorage", Fails(3))
    with pytest.raises(OSError, match="already exists"):
        open_storage(None, tmp_path)
