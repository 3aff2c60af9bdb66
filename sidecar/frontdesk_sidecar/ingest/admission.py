"""Whether a request may come in: what its head shows, before a byte of its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frontdesk_sidecar.ingest import answers
from frontdesk_sidecar.ingest.answers import Answer
from frontdesk_sidecar.ingest.inflate import Gzipped, Plain
from frontdesk_sidecar.ingest.keys import Keys
from frontdesk_sidecar.ingest.proof import Signature, is_known, key_in
from frontdesk_sidecar.ingest.routes import IMPORT, Head, Route

SIGNATURE = "x-frontdesk-signature"


class Refusal(Exception):  # noqa: N818 - says what is the case
    """The request gets this answer, and nothing else comes of it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.status)


class Visitor:
    """Who sends, as far as is known yet."""

    def __init__(self, keys: Keys, *, is_known: bool, signature: Signature | None) -> None:
        self._keys = keys
        #: whether a key was shown, or a signature was right
        self.is_known = is_known
        self.signature = signature

    def check_signature(self) -> None:
        """After the whole body. Raises Refusal."""
        if self.signature is not None:
            if not self.signature.is_right():
                raise Refusal(answers.unsigned())
            self.is_known = True

    def check_key(self, document: Mapping[str, Any]) -> None:
        """Who showed nothing else has the key in the body, as browsers do. Raises Refusal."""
        key = document.get("writeKey")
        if not self.is_known and not (isinstance(key, str) and is_known(key, self._keys.write())):
            raise Refusal(answers.unauthorized())


def admit(head: Head, route: Route, keys: Keys, now_s: float) -> Visitor:
    """Who is at the door. Raises Refusal."""
    if head.encoding not in ("", "gzip"):
        raise Refusal(answers.GZIP_ALONE)
    visitor = _visitor(head, keys, now_s)
    if route.kind == IMPORT and visitor.signature is None:
        visitor.check_key({})  # lines have no room for a key
    if head.length > route.limit:
        raise Refusal(answers.too_large(route.limit))
    return visitor


def _visitor(head: Head, keys: Keys, now_s: float) -> Visitor:
    signed, authorization = head[SIGNATURE], head["authorization"]
    if signed is not None:
        signature = Signature.read(signed, keys.sign(), now_s)
        if isinstance(signature, str):
            raise Refusal(answers.unsigned(signature))
        return Visitor(keys, is_known=False, signature=signature)
    if authorization is not None:
        key = key_in(authorization)
        if key is None or not is_known(key, keys.write()):
            raise Refusal(answers.unauthorized())
        return Visitor(keys, is_known=True, signature=None)
    return Visitor(keys, is_known=False, signature=None)


def sink(head: Head, route: Route) -> Plain | Gzipped:
    """Where the body goes as it is read."""
    return Gzipped(route.limit) if head.encoding == "gzip" else Plain(route.limit)
