"""The exceptions a caller may want to catch.

::

    Exception
    └── RegkitError
        ├── BatchLayoutError       (ValueError)    inputs or targets cannot be found in a batch
        ├── CorruptCheckpointError (RuntimeError)  a file is truncated, corrupted or no Lightning checkpoint
        ├── NotAveragedError       (RuntimeError)  an evaluation batch ended and no test-time average was taken
        ├── UnmixedTargetsError    (RuntimeError)  mixed inputs met a loss that did not see the mixed targets
        └── UnknownTotalError      (RuntimeError)  a schedule needs the length of a run that has none

Everything else is a plain ``TypeError`` (wrong kind) or ``ValueError`` (wrong value).
"""

__all__ = [
    "BatchLayoutError",
    "CorruptCheckpointError",
    "NotAveragedError",
    "RegkitError",
    "UnknownTotalError",
    "UnmixedTargetsError",
]


class RegkitError(Exception):
    """Root of the exceptions this package defines."""


class BatchLayoutError(RegkitError, ValueError):
    """Inputs or targets cannot be found in a batch."""


class CorruptCheckpointError(RegkitError, RuntimeError):
    """A file is truncated, corrupted or no Lightning checkpoint, and was not loaded."""


class NotAveragedError(RegkitError, RuntimeError):
    """An evaluation batch ended and no test-time average was taken."""


class UnmixedTargetsError(RegkitError, RuntimeError):
    """Mixed inputs met a loss that did not see the mixed targets."""


class UnknownTotalError(RegkitError, RuntimeError):
    """A schedule needs the length of a run that has none."""
