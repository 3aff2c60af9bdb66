"""What the journal's and the store's directories are worth. Pure: from facts to results."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk_sidecar.admin.figures import counted, size, span
from frontdesk_sidecar.check.mounts import UNKNOWN, Mount
from frontdesk_sidecar.check.result import Result, Status

#: Segments that nobody reads for so long are told of.
UNREAD_S = 60.0


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory as it is found; `can_make` when it is missing and could be made."""

    path: str
    is_there: bool = True
    is_directory: bool = True
    can_make: bool = False
    can_use: bool = True
    mode: int = 0
    owner: str = ""
    group: str = ""
    free_bytes: int = 0
    mount: Mount = UNKNOWN
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Segments:
    """What is in a journal. `reader` is the process that reads it, 0 one that is not seen."""

    number: int = 0
    total_bytes: int = 0
    oldest_s: float = 0.0
    reader: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """The store's file; `problem` says whom it belongs to when that is wrong."""

    is_there: bool = False
    total_bytes: int = 0
    mode: int = 0o600
    problem: str = ""


#: How bad, what it means, what to do.
_Fault = tuple[Status, str, str]


def journal(
    place: Directory, segments: Segments, *, in_memory: bool, limit_bytes: int, user: str
) -> Result:
    """Whether web processes and sidecar can share it."""
    tried = f"looked at {place.path} as {user}"
    if fault := _unusable(place, "capture.journal"):
        return _result("journal", tried, _missing(place), [fault])
    faults = [*_sharing(place), *_room(place, segments, limit_bytes), *_unread(segments)]
    if not in_memory:
        faults.append(
            (
                Status.WARNING,
                (
                    f"It is not in memory ({place.mount.kind or 'unknown'}): a stalling disk delays"
                    " what is captured, though never the shopper."
                ),
                (
                    "a tmpfs; in Kubernetes emptyDir: {medium: Memory}, in Docker --tmpfs or a"
                    " tmpfs volume, for both containers the same"
                ),
            )
        )
    return _result("journal", tried, _journal_found(place, segments, in_memory), faults)


def _journal_found(place: Directory, segments: Segments, in_memory: bool) -> str:
    where = "in memory" if in_memory else (place.mount.kind or "unknown file system")
    found = f"{place.path}: {where}, mode {place.mode:04o}, group {place.group}"
    if segments.number:
        found += f", {counted(segments.number, 'segment')} ({size(segments.total_bytes)})"
    else:
        found += ", no segment: no web process writes there now"
    if segments.reader:
        found += f", read by process {segments.reader}"
    elif segments.reader == 0:
        found += ", read by a process of another container"
    return found


def _sharing(place: Directory) -> list[_Fault]:
    faults: list[_Fault] = []
    if place.mode & 0o002 and not place.mode & 0o1000:
        text = "Every user of this machine can write there and delete what others wrote."
        faults.append((Status.WARNING, text, f"chmod o-w {place.path}"))
    if not place.mode & 0o020:
        text = "Only its owner can write there: web processes of another user cannot."
        faults.append(
            (Status.WARNING, text, f"chmod 2770 {place.path}, with a group that both are in")
        )
    elif not place.mode & 0o2000:
        text = "What is made there does not get the directory's group, and may not be readable."
        faults.append((Status.WARNING, text, f"chmod g+s {place.path}"))
    if place.mount.is_layer:
        text = "It is a container's own: web processes in another container write elsewhere."
        remedy = "mount one volume at this path in both containers"
        faults.append((Status.WARNING, text, remedy))
    return faults


def _room(place: Directory, segments: Segments, limit_bytes: int) -> list[_Fault]:
    needed = limit_bytes - segments.total_bytes
    if place.free_bytes >= needed:
        return []
    text = (
        f"{size(place.free_bytes)} are free, less than the journal may grow to"
        f" ({size(limit_bytes)}): messages would be dropped while the sidecar is away."
    )
    return [(Status.WARNING, text, "a larger volume, or capture.journal_limit_bytes lower")]


def _unread(segments: Segments) -> list[_Fault]:
    if not segments.number or segments.reader is not None or segments.oldest_s < UNREAD_S:
        return []
    text = (
        f"Nobody reads it, as far as can be seen from here: the oldest segment was begun"
        f" {span(segments.oldest_s)} ago. Customers do not reach SAP meanwhile."
    )
    remedy = (
        "start the sidecar: frontdesk run, with this journal; if one runs, frontdesk status says"
        " which it reads, and web processes are to write there"
    )
    return [(Status.WARNING, text, remedy)]


def store(place: Directory, file: File, *, needed_bytes: int, user: str) -> Result:
    """Whether the store can live there."""
    tried = f"looked at {place.path} as {user}"
    if fault := _unusable(place, "store.path"):
        return _result("store", tried, _missing(place), [fault])
    faults: list[_Fault] = []
    if place.complaint or file.problem:
        what, _, remedy = (place.complaint or file.problem).partition("; remedy: ")
        faults.append((Status.FAILED, f"{what}.", remedy or "another store.path"))
    faults += _kind(place)
    if place.free_bytes < needed_bytes:
        text = (
            f"{size(place.free_bytes)} are free; the store and its ballast may need"
            f" {size(needed_bytes)}."
        )
        faults.append((Status.WARNING, text, "a larger volume, or store.max_bytes lower"))
    found = f"{place.path}: {place.mount.kind or 'unknown file system'}, mode {place.mode:04o},"
    found += f" owner {place.owner}, {size(place.free_bytes)} free"
    found += f", store {size(file.total_bytes)}" if file.is_there else ", no store yet"
    details: tuple[str, ...] = ()
    if file.is_there and file.mode != 0o600:
        details = (f"the file has mode {file.mode:04o}; frontdesk run makes it 0600",)
    return _result("store", tried, found, faults, details)


def _kind(place: Directory) -> list[_Fault]:
    mount = place.mount
    if mount.is_network:
        text = f"It is on {mount.kind}: locks over a network are not to be relied on by SQLite."
        return [(Status.WARNING, text, "a disk of this machine, or a block volume")]
    if mount.is_memory:
        text = "It is in memory: what SAP has not got yet is gone with the machine or the pod."
        return [(Status.WARNING, text, "store.path on a persistent volume")]
    if mount.is_layer:
        text = "It is a container's own: what SAP has not got yet is gone with the container."
        return [(Status.WARNING, text, "a persistent volume, mounted at this directory")]
    return []


def _unusable(place: Directory, key: str) -> _Fault | None:
    if not place.is_there and place.can_make:
        text = "It is missing; frontdesk run makes it."
        return Status.WARNING, text, f"nothing, or name another in {key}"
    if not place.is_there:
        return Status.FAILED, "It is missing and cannot be made here.", f"make it, or {key}"
    if not place.is_directory:
        return Status.FAILED, "It is not a directory.", f"name a directory in {key}"
    if not place.can_use:
        text = "This user cannot read and write there."
        remedy = f"chmod or chown it for the user that runs frontdesk, or name another in {key}"
        return Status.FAILED, text, remedy
    return None


def _missing(place: Directory) -> str:
    if not place.is_there:
        return f"{place.path}: does not exist"
    return f"{place.path}: mode {place.mode:04o}, owner {place.owner}, group {place.group}"


def _result(
    step: str, tried: str, found: str, faults: list[_Fault], details: tuple[str, ...] = ()
) -> Result:
    worst = Status.OK
    for status in (Status.WARNING, Status.FAILED):
        worst = status if any(fault[0] is status for fault in faults) else worst
    means = " ".join(fault[1] for fault in faults)
    return Result(step, worst, tried, found, means, tuple(fault[2] for fault in faults), details)
