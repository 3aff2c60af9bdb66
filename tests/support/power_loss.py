"""A disk that may lose power: what was done to its files, and what could be left of it after.

What a file held when it was last synced is there. Of what was written or cut off since, any part
may be there, in units of a sector: a disk writes in whatever order suits it. A new name or a
removed one is there once the directory was synced; the sync of a new file keeps its own name as
well. What lies beside the bytes of a write is not harmed by it, which SQLite relies on
(https://www.sqlite.org/psow.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

SECTOR: Final = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place of a file."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """The file ends here now."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """All of a file is on the disk when it returns; all names as well, if `directory`."""

    file: int
    directory: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A name means this file from now on, or none."""

    name: str
    file: int | None


Change: TypeAlias = Write | Truncate
Operation: TypeAlias = Change | Sync | Name
#: The files of a directory: name -> bytes.
Image: TypeAlias = dict[str, bytes]


class Disk:
    """What was done to the files of one directory, in order. The recorder's end of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log: list[Operation] = []
        self.start = {path.name: path.read_bytes() for path in directory.glob("*")}
        self._numbers = {name: number for number, name in enumerate(self.start)}
        self._fresh: set[int] = set()
        self._next = len(self.start)

    def opened(self, name: str, syncs_directory: bool) -> int:
        """A file is opened, and made if there is none of that name; gives its number."""
        if name not in self._numbers:
            self._numbers[name] = self._next
            self._next += 1
            self.log.append(Name(name, self._numbers[name]))
            if syncs_directory:
                self._fresh.add(self._numbers[name])
        return self._numbers[name]

    def written(self, file: int, offset: int, data: bytes) -> None:
        """Bytes are written."""
        self.log.append(Write(file, offset, data))

    def truncated(self, file: int, size: int) -> None:
        """The file is cut off, or made longer."""
        self.log.append(Truncate(file, size))

    def synced(self, file: int) -> None:
        """A file is synced, with the directory at the first sync of a file that asks for it."""
        self.log.append(Sync(file, directory=file in self._fresh))
        self._fresh.discard(file)

    def deleted(self, name: str, sync: bool) -> None:
        """A name is removed, and the directory synced after it or not."""
        file = self._numbers.pop(name, None)
        if file is not None:
            self.log.append(Name(name, None))
            if sync:
                self.log.append(Sync(file, directory=True))


@dataclass(frozen=True, slots=True)
class Fate:
    """What a power loss leaves of the changes that were not synced, and how many name changes."""

    name: str
    changes: Callable[[Random, list[Change]], list[Change]]
    names: Callable[[Random, int], int]


def _prefix(random: Random, changes: list[Change]) -> list[Change]:
    """The first ones, the last of them only in part."""
    kept = changes[: random.randint(0, len(changes))]
    if kept and isinstance(last := kept[-1], Write):
        kept[-1] = Write(last.file, last.offset, last.data[: len(last.data) // 2])
    return kept


def _some(random: Random, changes: list[Change]) -> list[Change]:
    """Each one or not; from run to run few of them or many."""
    share = random.random()
    return [change for change in changes if random.random() < share]


def _sectors(random: Random, changes: list[Change]) -> list[Change]:
    """Of each one some of the sectors."""
    return _some(random, [part for change in changes for part in _torn(change)])


def _torn(change: Change) -> Iterator[Change]:
    if isinstance(change, Truncate):
        yield change
        return
    start, end = change.offset, change.offset + len(change.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        yield Write(change.file, start, change.data[start - change.offset : stop - change.offset])
        start = stop


NOTHING: Final = Fate("nothing", lambda _, changes: [], lambda _, count: 0)
EVERYTHING: Final = Fate("everything", lambda _, changes: changes, lambda _, count: count)
FATES: Final = (
    NOTHING,
    EVERYTHING,
    Fate("the first, torn", _prefix, lambda random, count: random.randint(0, count)),
    Fate("some", _some, lambda random, count: random.randint(0, count)),
    Fate("some sectors", _sectors, lambda random, count: random.randint(0, count)),
)


def _position(targets: list[int | None], file: int) -> int:
    """How many changes of a name it takes until it means the file; 0 if it never does."""
    return targets.index(file) + 1 if file in targets else 0


@dataclass(slots=True)
class Platter:
    """The disk after the first operations of a log: what is safe, and what is not yet."""

    safe: dict[int, bytearray]
    names: dict[str, int | None]
    loose: dict[int, list[Change]] = field(default_factory=dict)
    renamed: dict[str, list[int | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, disk: Disk) -> Platter:
        """Before the first operation."""
        safe = {number: bytearray(data) for number, data in enumerate(disk.start.values())}
        return cls(safe, {name: number for number, name in enumerate(disk.start)})

    def apply(self, operation: Operation) -> None:
        """One more operation."""
        match operation:
            case Write(file) | Truncate(file):
                self.loose.setdefault(file, []).append(operation)
            case Name(name, target):
                self.renamed.setdefault(name, []).append(target)
            case Sync(file, directory):
                self._apply_all(self.safe.setdefault(file, bytearray()), self.loose.pop(file, []))
                self._keep_names(None if directory else file)

    def _keep_names(self, only: int | None) -> None:
        """Every name is safe now, or only that of a file."""
        for name, targets in self.renamed.items():
            count = len(targets) if only is None else _position(targets, only)
            if count:
                self.names[name] = targets[count - 1]
                del targets[:count]

    @staticmethod
    def _apply_all(content: bytearray, changes: list[Change]) -> None:
        for change in changes:
            size = change.size if isinstance(change, Truncate) else change.offset
            if isinstance(change, Truncate):
                del content[size:]
            content.extend(bytes(max(0, size - len(content))))
            if isinstance(change, Write):
                content[size : size + len(change.data)] = change.data

    def image(self, fate: Fate, random: Random) -> Image:
        """The files that are there when the power is back."""
        names = self.names.copy()
        for name, targets in self.renamed.items():
            count = fate.names(random, len(targets))
            if count:
                names[name] = targets[count - 1]
        return {
            name: self._content(file, fate, random)
            for name, file in sorted(names.items())
            if file is not None
        }

    def _content(self, file: int, fate: Fate, random: Random) -> bytes:
        content = self.safe.get(file, bytearray()).copy()
        self._apply_all(content, fate.changes(random, self.loose.get(file, [])))
        return bytes(content)
