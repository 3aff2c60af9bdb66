"""The errors of the store. Their texts name no customer and no value.

StoreError            it could not be done, and nothing of the transaction was kept
├── StoreLocked       another process has the store open
├── StoreTooNew       a newer version of frontdesk wrote it
├── StoreFull         no room left; what is there stays readable
│   └── StoreHeld     nothing new is taken in, while there is still room for settling
└── StoreFailed       the disk or the file is not to be trusted: close, look, open again
"""

from __future__ import annotations

from frontdesk import __version__


class StoreError(Exception):
    """It could not be done, and nothing of the transaction was kept."""


class StoreLocked(StoreError):  # noqa: N818 - says what is the case
    """Another process has the store open."""


class StoreTooNew(StoreError):  # noqa: N818 - says what is the case
    """The store has a schema `found` that is newer than the newest one `known` here.

    `program` is the version of frontdesk that used it last, where the store tells.
    """

    def __init__(self, found: int, known: int, program: str | None = None) -> None:
        self.found = found
        self.known = known
        self.program = program
        wrote = "a later frontdesk" if program is None else f"frontdesk {program}"
        super().__init__(
            f"{wrote} made it schema {found}, and this is frontdesk {__version__}, which knows up"
            f" to {known}; nothing of it was changed. Either upgrade frontdesk, or put back the"
            " copy of the store that was made before"
        )


class StoreFull(StoreError):  # noqa: N818 - says what is the case
    """No room left on the disk, or the store has reached its size limit."""


class StoreHeld(StoreFull):
    """Nothing new is taken in, so that there is room for what is known already."""


class StoreFailed(StoreError):  # noqa: N818 - says what is the case
    """An I/O error or a damaged file.

    A sync that failed once may succeed the next time without having written anything
    (https://wiki.postgresql.org/wiki/Fsync_Errors), so a store that failed does nothing more.
    """
