"""The header `SAP-PASSPORT`, by which SAP's end-to-end trace finds a request again.

A record of 230 bytes in hexadecimal, version 3 of the Extended Passport: eye catchers at both
ends, fixed fields between. Source: SAP/cf-nodejs-logging-support, docs "SAP Passport".
"""

from __future__ import annotations

import struct
from typing import Final

_EYE_CATCHER: Final = b"*TH*"
_VERSION: Final = 3
# eye catcher, version, length, trace flags, component, service, user, action, type of action,
# previous component, transaction id, client, type of component, root context id, connection id,
# connection counter, number and offset of variable parts, eye catcher
_RECORD: Final = struct.Struct(">4sBHH32sH32s40sH32s32s3sH16s16sIHH4s")
_COMPONENT: Final = b"frontdesk"


def passport(message_id: str) -> str:
    """The passport of one attempt, whose `integrationMessageId` is this UUID; 460 characters.

    The id is root context and transaction: it is what Backoffice shows as the message's id.
    """
    root = bytes.fromhex(message_id.replace("-", ""))
    return _RECORD.pack(
        _EYE_CATCHER,
        _VERSION,
        _RECORD.size,
        0,
        _COMPONENT,
        0,
        b"",
        b"upsert customer",
        0,
        _COMPONENT,
        root.hex().upper().encode(),
        b"",
        0,
        root,
        root,
        1,
        0,
        0,
        _EYE_CATCHER,
    ).hex()
