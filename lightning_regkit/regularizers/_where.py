"""Which layers of a module, by type, name and position."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, TypeAlias, final

from torch import nn
from typing_extensions import override

from lightning_regkit._checks import message

__all__ = ["Where", "Which", "as_where", "find_layers"]

OWNER: Final = "Where"
SHOWN: Final = 8


@final
@dataclass(frozen=True)
class Where:
    """Which layers of a module: those of a type, under a name, at a position among these.

    Args:
        types: One class of layers or several, subclasses included; None for any.
        names: One shell-style pattern of whole dotted names or several, as in ``fnmatch``: ``*`` also matches dots.
        positions: Which ones of what matches the two, in order of definition: an integer, negative ones counting from
            the last, several of them, or a slice; None for all.

    Raises:
        TypeError: An argument is of the wrong kind.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
        >>> list(find_layers(net, Where(nn.Linear, positions=-1)))
        ['2']
    """

    types: type[nn.Module] | Sequence[type[nn.Module]] | None = None
    names: str | Sequence[str] = "*"
    positions: int | Sequence[int] | slice | None = None

    def __post_init__(self) -> None:
        if self.types is not None and not _classes(self.types):
            raise TypeError(message(OWNER, "types", "be one class of layers or several", self.types))
        if not _are(str, self.names):
            raise TypeError(message(OWNER, "names", "be one name pattern or several", self.names))
        if self.positions is not None and not isinstance(self.positions, slice) and not _are(int, self.positions):
            raise TypeError(message(OWNER, "positions", "be one integer, several, or a slice", self.positions))

    def matches(self, names: Sequence[str], layer: nn.Module) -> bool:
        """Tell whether a layer, under any of its names, is of the types and names; positions are not looked at."""
        patterns = [self.names] if isinstance(self.names, str) else self.names
        is_named = any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
        return is_named and (self.types is None or isinstance(layer, _classes(self.types)))

    @override
    def __str__(self) -> str:
        """Say it in a few words."""
        kinds = " or ".join(kind.__name__ for kind in _classes(self.types)) or "any layer"
        named = "" if self.names == "*" else f" named {self.names}"
        return kinds + named + ("" if self.positions is None else f" at {self.positions}")


#: What callbacks take: classes, a name pattern, or a spec.
Which: TypeAlias = type[nn.Module] | Sequence[type[nn.Module]] | str | Where


def as_where(owner: str, where: object) -> Where:
    """Return a spec, of which a class, several, or a name pattern are short forms; ``TypeError`` for anything else."""
    if isinstance(where, Where):
        return where
    if isinstance(where, str):
        return Where(names=where)
    if not _classes(where):
        raise TypeError(message(owner, "where", "be a class of layers, a name pattern, or Where", where))
    return Where(_classes(where))


def find_layers(module: nn.Module, where: Where, *, owner: str = "regularizers.find_layers") -> dict[str, nn.Module]:
    """Find the layers of a module that a spec chooses.

    Args:
        module: The root, which is not among them.
        where: Which.
        owner: Public name of what the user called.

    Returns:
        Layers by dotted name, in order of definition, at least one; one that is in several places once, under its
        first name.

    Raises:
        ValueError: Nothing is chosen, a position is not there, or a layer and one inside it are both chosen.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
        >>> list(find_layers(net, Where(nn.Linear)))
        ['0', '2']
    """
    names: dict[nn.Module, list[str]] = {}
    for name, layer in module.named_modules(remove_duplicate=False):
        names.setdefault(layer, []).append(name)
    del names[module]
    matching = [(own[0], layer) for layer, own in names.items() if where.matches(own, layer)]
    if not matching:
        kinds = Counter(type(layer).__name__ for layer in names)
        held = [f"{count} {kind}" for kind, count in kinds.most_common(SHOWN)] + ["..."] * (len(kinds) > SHOWN)
        remedy = f"It holds {', '.join(held) or 'no layer'}."
        raise ValueError(message(owner, "where", "choose a layer of the module", str(where), remedy))
    found = dict(_at(owner, matching, where.positions))
    for name, layer in found.items():
        inside = next((other for other in found if found[other] is not layer and found[other] in layer.modules()), None)
        if inside is not None:
            condition = "choose no layer inside another"
            raise ValueError(message(owner, "where", condition, f"{name} and {inside}", "Name types or names."))
    return found


def _at(
    owner: str, matching: list[tuple[str, nn.Module]], positions: int | Sequence[int] | slice | None
) -> list[tuple[str, nn.Module]]:
    count = len(matching)
    if positions is None:
        return matching
    if isinstance(positions, slice):
        chosen = set(range(count)[positions])
    else:
        wanted = [positions] if isinstance(positions, int) else positions
        if not all(-count <= position < count for position in wanted):
            raise ValueError(message(owner, "positions", f"be among the {count} layers that match", positions))
        chosen = {position % count for position in wanted}
    if not chosen:
        raise ValueError(message(owner, "positions", f"choose one of the {count} layers that match", positions))
    return [pair for position, pair in enumerate(matching) if position in chosen]


def _classes(given: object) -> tuple[type[nn.Module], ...]:
    """Return the classes of layers that are given; none where anything else is."""
    several = given if isinstance(given, list | tuple) else [given]
    kinds = tuple(kind for kind in several if isinstance(kind, type) and issubclass(kind, nn.Module))
    return kinds if len(kinds) == len(several) else ()


def _are(kind: type, given: object) -> bool:
    several = given if isinstance(given, list | tuple) else [given]
    return all(isinstance(one, kind) and not isinstance(one, bool) for one in several)
