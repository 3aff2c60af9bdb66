"""A new settings file: checked before it is there, whole once it is there, and nobody's loss."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from frontdesk_sidecar.init.toml_text import JOURNAL, STORE


class CannotWrite(Exception):  # noqa: N818 - it says what stands in the way
    """Why a file cannot be written, and what to do."""


def check_free(path: Path, *, force: bool) -> None:
    """Raises CannotWrite where a file is in the way, or no directory is."""
    if os.path.lexists(path) and not force:
        raise CannotWrite(f"{path} exists already: --force replaces it, -o names another one")
    if not path.parent.is_dir():
        raise CannotWrite(f"{path.parent} is no directory: make it first, or name another with -o")


def write(path: Path, text: str, check: Callable[[Path], None], *, force: bool) -> None:
    """Write and check a file beside `path`, then let it take that name at once.

    What `check` raises passes through. Raises CannotWrite; without `force` nothing is replaced.
    """
    check_free(path, force=force)
    try:
        new = _write_beside(path, text)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from None
    try:
        check(new)
        _take_name(new, path, force=force)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)


def _take_name(new: Path, path: Path, *, force: bool) -> None:
    """A second name is given only where there is none, so nobody's file is lost meanwhile."""
    try:
        if not force:
            os.link(new, path)
            return
    except OSError:  # it is there by now, or this file system knows no second names
        check_free(path, force=False)
    os.replace(new, path)


def _write_beside(path: Path, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)  # there is no secret in it, and web processes read it
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def keep_secret(path: Path, secret: str) -> None:
    """Write a new file that its owner alone can read. Raises CannotWrite."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{secret}\n")


def places() -> tuple[str, str]:
    """Journal and store: the usual ones, or ones for a try where this user may not make those."""
    if _can_make(Path(JOURNAL)) and _can_make(Path(STORE)):
        return JOURNAL, STORE
    memory = Path("/dev/shm")  # noqa: S108 - the sidecar makes a directory of its own there
    base = memory if memory.is_dir() else Path(tempfile.gettempdir())
    return str(base / f"frontdesk-{os.getuid()}"), "frontdesk.db"


def _can_make(path: Path) -> bool:
    above = next(parent for parent in path.parents if parent.exists())
    return os.access(above, os.W_OK | os.X_OK)
