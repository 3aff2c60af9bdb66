"""`$batch`: transactions, order, what fails, how strict the reader is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from tests.conformance.conftest import Observe, Tenant

COUNT = "GET {set}/$count HTTP/1.1\r\n\r\n\r\n"


def change(tenant: Tenant, entry: dict[str, Any], *, media_type: bool = True) -> str:
    """One change of a changeset."""
    tenant.made.add(entry.get("uid", ""))
    tenant.made.discard("")
    content = "Content-Type: application/json\r\n" if media_type else ""
    body = json.dumps({**tenant.needed, **entry}, ensure_ascii=False)
    return (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"POST {tenant.entity_set} HTTP/1.1\r\n{content}Accept: application/json\r\n\r\n{body}"
    )


def changeset(*changes: str) -> str:
    """A part of a batch."""
    parts = "".join(f"--changeset\r\n{one}\r\n" for one in changes)
    return f"Content-Type: multipart/mixed; boundary=changeset\r\n\r\n{parts}--changeset--\r\n"


def send(tenant: Tenant, *parts: str, line_end: str = "\r\n") -> httpx.Response:
    """Posts a batch of these parts."""
    body = "".join(f"--batch\r\n{part}\r\n" for part in parts) + "--batch--"
    answer = tenant.http.post(
        f"{tenant.service}/$batch",
        content=body.replace("\r\n", line_end).encode(),
        headers={"Content-Type": "multipart/mixed; boundary=batch", "Accept": "application/json"},
    )
    if answer.status_code == 401:
        tenant.sign_in()
        return send(tenant, *parts, line_end=line_end)
    return answer


def statuses(answer: httpx.Response) -> list[int]:
    """The statuses of the inner answers, in their order."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["content-type"].startswith("multipart/mixed")
    lines = answer.text.split("\r\n")
    return [int(line.split(" ")[1]) for line in lines if line.startswith("HTTP/1.1 ")]


def test_one_of_two_fails(tenant: Tenant) -> None:
    """202 all the same: one stored, the other a plain error."""
    good, bad = tenant.new_uid(), tenant.new_uid()
    answer = send(
        tenant,
        changeset(change(tenant, {"uid": good})),
        changeset(change(tenant, {"uid": bad, "nothingOfThatName": 1})),
    )
    assert statuses(answer) == [201, 400]
    assert '"invalid_property"' in answer.text
    assert tenant.entry(good)["uid"] == good
    assert tenant.send("GET", tenant.path_of(bad)).status_code == 404


def test_changeset_is_a_transaction(tenant: Tenant) -> None:
    """One bad change undoes the others, and there is one answer for all."""
    good, bad = tenant.new_uid(), tenant.new_uid()
    answer = send(
        tenant,
        changeset(
            change(tenant, {"uid": good}), change(tenant, {"uid": bad, "nothingOfThatName": 1})
        ),
    )
    assert statuses(answer) == [400]
    assert tenant.send("GET", tenant.path_of(good)).status_code == 404


def test_characters(tenant: Tenant) -> None:
    """UTF-8 survives when the change says what it is."""
    uid, name = tenant.new_uid(), tenant.optional_text()
    answer = send(tenant, changeset(change(tenant, {"uid": uid, name: "Zoë Ł 😀"})))
    assert statuses(answer) == [201]
    assert tenant.entry(uid)[name] == "Zoë Ł 😀"


def test_read_in_a_batch(tenant: Tenant) -> None:
    """A GET is a part of its own."""
    part = (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        + COUNT.format(set=tenant.entity_set)
    )
    assert statuses(send(tenant, part)) == [200]


def test_too_many_parts(tenant: Tenant, observe: Observe) -> None:
    """Above the limit the whole request is refused, not as multipart."""
    part = (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        + COUNT.format(set=tenant.entity_set)
    )
    answer = send(tenant, *[part] * 201)
    observe("status of 201 parts", answer.status_code)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "batch_limit_exceeded"


def test_strict_reader(tenant: Tenant) -> None:
    """Line feeds alone, or a change without its encoding, are a 400."""
    part = changeset(change(tenant, {"uid": tenant.new_uid()}))
    assert send(tenant, part, line_end="\n").status_code == 400
    assert (
        send(tenant, part.replace("Content-Transfer-Encoding: binary\r\n", "")).status_code == 400
    )
