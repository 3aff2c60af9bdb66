"""What the check finds in the file system; nothing is made or changed there."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time
from pathlib import Path
from typing import Final

from frontdesk_sidecar.check.judge_local import SecretFile
from frontdesk_sidecar.check.judge_places import Directory, File, Segments
from frontdesk_sidecar.check.mounts import Mount, holder, mount_of
from frontdesk_sidecar.journal.segments import oddity
from frontdesk_sidecar.journal.tail import READER
from frontdesk_sidecar.store import StoreError
from frontdesk_sidecar.store.ownership import secure

_NOBODY: Final = ".frontdesk-check"
_MAX_SECRET: Final = 65_536


def user() -> str:
    """Who we are, for texts."""
    return _user(os.geteuid())


def secret_file(path: Path, *, is_text: bool = True) -> SecretFile:
    """A file from outside; of its content only whether there is any, and of which form."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open("rb") as file:
            content = file.read(_MAX_SECRET)
    except OSError as error:
        return SecretFile(str(path), error=error.strerror or "cannot be read")
    inside = content.strip()
    return SecretFile(
        str(path),
        mode,
        is_empty=not inside,
        ends_in_break=is_text and content.endswith((b"\n", b"\r")),
        has_blank_inside=is_text and len(inside.split()) > 1,
    )


def directory(path: Path) -> Directory:
    """A directory as it is."""
    try:
        status = path.stat()
    except OSError:
        above = next((one for one in path.parents if one.exists()), None)
        can_make = above is not None and os.access(above, os.W_OK | os.X_OK)
        return Directory(str(path), is_there=False, can_make=can_make)
    room = os.statvfs(path)
    return Directory(
        str(path),
        is_directory=stat.S_ISDIR(status.st_mode),
        can_use=os.access(path, os.R_OK | os.W_OK | os.X_OK),
        mode=stat.S_IMODE(status.st_mode),
        owner=_user(status.st_uid),
        group=_group(status.st_gid),
        free_bytes=room.f_bavail * room.f_frsize,
        mount=_mount(path),
    )


def segments(path: Path) -> Segments:
    """The journal's segments, and who reads them."""
    found = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.endswith(".ndjson"):
                    status = entry.stat(follow_symlinks=False)
                    if oddity(status) is None:
                        found.append((status.st_size, _begun(entry.name, status.st_mtime)))
    except OSError:
        return Segments()
    begun = [moment for bytes_, moment in found if bytes_]
    oldest_s = time.time() - min(begun) if begun else 0.0
    return Segments(len(found), sum(one[0] for one in found), oldest_s, _reader(path))


def _begun(name: str, written_s: float) -> float:
    """When a segment was begun, by its name; a web process may have written to it just now."""
    digits = name.partition("-")[0]
    is_time = len(digits) == 20 and digits.isascii() and digits.isdecimal()
    return min(int(digits) / 1e9, written_s) if is_time else written_s


def store_directory(path: Path) -> Directory:
    """The store's directory, with what the sidecar would complain of."""
    found = directory(path)
    if not (found.is_there and found.is_directory):
        return found
    try:
        secure(path / _NOBODY)  # of the directory alone: there is no such file
    except (StoreError, OSError) as error:
        return Directory(
            found.path,
            can_use=found.can_use,
            mode=found.mode,
            owner=found.owner,
            group=found.group,
            free_bytes=found.free_bytes,
            mount=found.mount,
            complaint=str(error),
        )
    return found


def store_file(path: Path) -> File:
    """The store's file from outside: another process may have it open."""
    try:
        status = path.lstat()
    except OSError:
        return File()
    problem = ""
    if not stat.S_ISREG(status.st_mode):
        problem = f"{path} is not a file; remedy: name the file itself in store.path"
    elif os.geteuid() not in (0, status.st_uid):
        problem = (
            f"{path} belongs to {_user(status.st_uid)}, and this is {user()}; remedy: run this as"
            f" that user, or chown {os.geteuid()} {path}"
        )
    total_bytes = status.st_size + _size_of(path.with_name(f"{path.name}-wal"))
    return File(True, total_bytes, stat.S_IMODE(status.st_mode), problem)


def _size_of(path: Path) -> int:
    """The size of a file; 0 of one that is not there."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _reader(path: Path) -> int | None:
    """Who holds the reader's lock; asking the lock itself could get into a sidecar's way."""
    try:
        status = (path / READER).stat()
        locks = Path("/proc/locks").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return holder(status.st_dev, status.st_ino, locks)


def _mount(path: Path) -> Mount:
    try:
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Mount()
    return mount_of(os.path.realpath(path), text)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
