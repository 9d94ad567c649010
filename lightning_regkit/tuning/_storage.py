"""Where Optuna keeps the trials of a search."""

import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.storages.journal import JournalFileBackend

__all__ = ["open_storage"]

#: Seconds between signs of life of a trial; one that has been silent for twice as long is made again.
HEARTBEAT: Final = 60
RETRIES: Final = 3
#: Seconds before a database that could not be opened is tried again.
PAUSES: Final = (0.2, 1.0)


def open_storage(named: str | None, folder: Path | None) -> optuna.storages.BaseStorage:
    """Open the storage of a search, and make what is not there yet.

    Args:
        named: A path that ends in ``.journal``, or the URL of a database; None for SQLite in the folder.
        folder: None, where nothing is named, keeps trials in memory.

    Example:
        >>> type(open_storage(None, None)).__name__
        'InMemoryStorage'
    """
    if named is None and folder is None:
        return optuna.storages.InMemoryStorage()
    if named is not None and named.endswith(".journal"):
        Path(named).parent.mkdir(parents=True, exist_ok=True)
        return optuna.storages.JournalStorage(JournalFileBackend(named))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return _database(named or f"sqlite:///{folder}/trials.db")


def _database(url: str) -> optuna.storages.RDBStorage:
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
    options: dict[str, Any] = {"heartbeat_interval": HEARTBEAT, "heartbeat_stale_trial_callback": retry}
    connect = partial(optuna.storages.RDBStorage, url, **options)
    for seconds in PAUSES:
        try:
            return connect()
        except Exception:  # noqa: BLE001  # of the database: two that make the tables at once disturb each other
            time.sleep(seconds)
    return connect()
