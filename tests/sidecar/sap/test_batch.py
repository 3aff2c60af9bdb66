"""The client's side of `$batch`: requests as Olingo reads them, answers as SAP writes them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from frontdesk_sidecar.sap.answer import Answer
from frontdesk_sidecar.sap.batch import BatchError, Change, content_type, decode, encode
from frontdesk_sidecar.simulator import SimulatorConfig, create_app

# --- requests -----------------------------------------------------------------------------------


def test_the_layout_of_a_request() -> None:
    """Two changes, two changesets, byte for byte."""
    changes = [
        Change('{"name":"Zoë"}'.encode(), {"integrationMessageId": "m1", "Content-Language": "en"}),
        Change(b'{"name":"B"}'),
    ]
    lines = [
        "--batch",
        "Content-Type: multipart/mixed; boundary=c_batch",
        "",
        "--c_batch",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "POST Customers HTTP/1.1",
        "Content-Type: application/json",
        "Accept: application/json",
        "integrationMessageId: m1",
        "Content-Language: en",
        "",
        '{"name":"Zoë"}',
        "--c_batch--",
        "--batch",
        "Content-Type: multipart/mixed; boundary=c_batch",
        "",
        "--c_batch",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "POST Customers HTTP/1.1",
        "Content-Type: application/json",
        "Accept: application/json",
        "",
        '{"name":"B"}',
        "--c_batch--",
        "--batch--",
        "",
    ]
    assert encode(changes, entity_set="Customers", boundary="batch") == "\r\n".join(lines).encode()
    assert content_type("batch") == "multipart/mixed; boundary=batch"


@pytest.mark.parametrize(
    "boundary",
    ["", "a" * 69, "a b", 'a"', "a\r\nb", "a\n", "ä", "a;b", "a/b", "a=b", "(a)", "--", "-a", "'a"],
)
def test_an_unfit_boundary_is_refused(boundary: str) -> None:
    """Only what Olingo takes without quotes, and what leaves room for the changesets."""
    with pytest.raises(ValueError, match=r"^the boundary is unfit$"):
        encode([Change(b"{}")], entity_set="Customers", boundary=boundary)
    with pytest.raises(ValueError, match=r"^the boundary is unfit$"):
        content_type(boundary)


@pytest.mark.parametrize(
    "change",
    [
        Change(b'{"name":"random"}'),
        Change(b"{}", {"Note": "--random"}),
        Change(b"{}", {"x--random": "a"}),
    ],
)
def test_a_boundary_that_occurs_in_a_change_is_refused(change: Change) -> None:
    """Olingo finds a boundary anywhere in a line."""
    with pytest.raises(ValueError, match=r"^the boundary occurs in a change$"):
        encode([Change(b"{}"), change], entity_set="Customers", boundary="random")


@pytest.mark.parametrize(
    "headers",
    [
        {"X\r\nY": "a"},
        {"X": "a\r\nY: b"},
        {"X": "a\nb"},
        {"X": "a\rb"},
        {"X": "a\0"},
        {"X": "a\x85b"},
        {"X": "a\tb"},
        {"X": "€"},
        {"X": "\u2028"},
        {"X": "\udc80"},
        {"X: Y": "a"},
        {"X1": "a"},
        {"": "a"},
        {"Ä": "a"},
        {"content-length": "1"},
        {"Content-Type": "text/plain"},
        {"CONTENT-TYPE-OF": "a"},
        {"Accept": "*/*"},
        {"Host": "example.com"},
    ],
)
def test_a_header_cannot_break_its_line(headers: Mapping[str, str]) -> None:
    """Nor become another header, nor one of those that are set already."""
    with pytest.raises(ValueError, match="header"):
        encode([Change(b"{}", headers)], entity_set="Customers", boundary="random")


@pytest.mark.parametrize("entity_set", ["", "Custo mers", "Customers\r\nX: y", "/x", "a?b", "Ä"])
def test_an_entity_set_is_a_name(entity_set: str) -> None:
    """Nothing else gets into the request line."""
    with pytest.raises(ValueError, match=r"^the entity set is not a name$"):
        encode([Change(b"{}")], entity_set=entity_set, boundary="random")


def test_an_empty_batch_is_refused() -> None:
    """A multipart has one part or more."""
    with pytest.raises(ValueError, match="needs a change"):
        encode([], entity_set="Customers", boundary="random")


def test_a_change_hides_its_body() -> None:
    """It may end up in a log."""
    assert "marked" not in repr(Change(b"marked", {"X": "marked"}))


_OLINGO_HEADER = re.compile(r"([a-zA-Z\-]+):\s?([^\n\r\x85\u2028\u2029]*)\s*")


@dataclass
class Line:
    """A line as Olingo keeps it, and whether it was read as UTF-8."""

    text: str
    is_utf8: bool


def olingo_lines(content: bytes) -> list[Line]:
    """Bytes to lines; UTF-8 from the second blank line after a boundary, when it is for JSON."""
    lines: list[Line] = []
    boundary, blanks, charset = "", 0, "latin-1"
    for raw in re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", content):
        used = charset if blanks >= 2 else "latin-1"
        text = raw.decode(used)
        boundary = boundary or text.strip()
        if text.lower().startswith("content-type"):
            charset = "utf-8" if "json" in text else "latin-1"
            if found := re.search("boundary=(.*)\r\n", text):
                boundary = "--" + found[1]
        elif text in {"\r\n", "\n"}:
            blanks += 1
        elif text in {boundary + "\r\n", boundary + "--\r\n"}:
            blanks = 0
        lines.append(Line(text, used == "utf-8"))
    return lines


def olingo_split(lines: list[Line], boundary: str) -> list[list[Line]]:
    """The parts between boundaries, each found anywhere in a line."""
    parts: list[list[Line]] = [[]]
    for line in lines:
        if f"--{boundary}" not in line.text:
            parts[-1].append(line)
            continue
        if parts[-1]:
            last = parts[-1][-1]
            last.text = last.text.removesuffix("\r\n")
        if f"--{boundary}--" in line.text:
            assert not parts[0]
            return parts[1:]
        parts.append([])
    raise AssertionError("no closing delimiter")


def olingo_headers(lines: list[Line]) -> dict[str, str]:
    """Takes the header lines and the blank line after them away."""
    headers: dict[str, str] = {}
    while found := _OLINGO_HEADER.fullmatch(lines[0].text):
        assert found[1].lower() not in headers
        headers[found[1].lower()] = found[2].strip(" ")
        lines.pop(0)
    assert lines.pop(0).text == "\r\n"
    return headers


def olingo(content: bytes, media_type: str) -> list[tuple[str, dict[str, str], str]]:
    """The request line, headers and body of each change, read the way Olingo 2 does."""
    found = []
    outer = re.fullmatch(r"multipart/mixed; boundary=([a-zA-Z0-9_\-.'+]{1,70})", media_type)
    assert outer is not None
    for part in olingo_split(olingo_lines(content), outer[1]):
        headers = olingo_headers(part)
        inner = re.fullmatch(
            r"multipart/mixed; boundary=([a-zA-Z0-9_\-.'+]{1,70})", headers["content-type"]
        )
        assert inner is not None
        assert inner[1] != outer[1]
        (change,) = olingo_split(part, inner[1])
        assert olingo_headers(change) == {
            "content-type": "application/http",
            "content-transfer-encoding": "binary",
        }
        request = change.pop(0).text
        assert len(request.split(" ")) == 3
        own = olingo_headers(change)
        assert "content-length" not in own
        assert all(line.is_utf8 for line in change if not line.text.isascii())
        found.append((request, own, "".join(line.text for line in change)))
    return found


BOUNDARIES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9'+_.-]{11,67}", fullmatch=True) | st.sampled_from(
    ["c", "d", "c_c", "d_c", "0--", "c" * 68]
)
NAMES = st.from_regex(r"(?i)x-[a-z-]{0,9}", fullmatch=True).filter(str.isascii)
VALUES = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20).map(
    lambda value: value.strip(" ")
)
BODIES = st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4).map(orjson.dumps)
HEADERS = st.dictionaries(NAMES, VALUES, max_size=3).filter(
    lambda headers: len({name.lower() for name in headers}) == len(headers)
)
CHANGES = st.lists(st.builds(Change, BODIES, HEADERS), min_size=1, max_size=5)


@given(CHANGES, BOUNDARIES)
def test_olingo_reads_what_was_written(changes: list[Change], boundary: str) -> None:
    """The same bodies, in UTF-8, the same headers, in the same order."""
    for change in changes:
        assume(boundary not in change.body.decode())
        assume(all(f"--{boundary}" not in f"{k}: {v}" for k, v in change.headers.items()))
    content = encode(changes, entity_set="Customers", boundary=boundary)
    read = olingo(content, content_type(boundary))
    assert [body.encode() for _, _, body in read] == [change.body for change in changes]
    for (request, headers, _), change in zip(read, changes, strict=True):
        assert request == "POST Customers HTTP/1.1\r\n"
        assert headers == {
            "content-type": "application/json",
            "accept": "application/json",
            **{name.lower(): value for name, value in change.headers.items()},
        }


@given(st.text(), st.text(), st.text(), st.text(), st.binary())
def test_whatever_is_given_cannot_add_a_line(
    name: str, value: str, entity_set: str, boundary: str, body: bytes
) -> None:
    """It is refused, or the request has as many lines as it would have anyway."""
    try:
        content = encode([Change(body, {name: value})], entity_set=entity_set, boundary=boundary)
    except ValueError:
        return
    assert content.replace(body, b"").count(b"\n") <= 16


# --- answers ------------------------------------------------------------------------------------

ENTITY = '{"d":{"uid":"zoë@example.com"}}'.encode()
ERROR = b'{"error":{"code":"missing_property","message":{"lang":"en","value":"No [name]."}}}'
CREATED = (
    b"Content-Type: application/http\r\n"
    b"Content-Transfer-Encoding: binary\r\n"
    b"\r\n"
    b"HTTP/1.1 201 Created\r\n"
    b"DataServiceVersion: 2.0\r\n"
    b"Content-Type: application/json;charset=utf-8\r\n"
    b"Content-Length: 32\r\n"
    b"\r\n" + ENTITY + b"\r\n"
)
FAILED = (
    b"--batch_1\r\n"
    b"Content-Type: application/http\r\n"
    b"Content-Transfer-Encoding: binary\r\n"
    b"\r\n"
    b"HTTP/1.1 400 Bad Request\r\n"
    b"DataServiceVersion: 1.0\r\n"
    b"\r\n" + ERROR + b"\r\n"
)
CHANGESET = (
    b"--batch_1\r\n"
    b"Content-Type: multipart/mixed; boundary=changeset_1\r\n"
    b"\r\n"
    b"--changeset_1\r\n" + CREATED + b"--changeset_1--\r\n"
)
SAP = CHANGESET + FAILED + CHANGESET + b"--batch_1--"
MULTIPART = "multipart/mixed; boundary=batch_1"


def answered(body: bytes, media_type: str = MULTIPART, status: int = 202) -> Answer:
    """A batch answer."""
    return Answer(status, {"content-type": media_type}, body)


def test_the_answer_of_sap() -> None:
    """Successes are nested, a failure is not; every answer keeps its status, headers and body."""
    first, second, third = decode(answered(SAP), 3)
    assert (first.status, second.status, third.status) == (201, 400, 201)
    assert first.header("DataServiceVersion") == "2.0"
    assert first.header("content-type") == "application/json;charset=utf-8"
    assert (first.body, second.body) == (ENTITY, ERROR)
    assert first == third


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ('multipart/mixed; boundary="batch_1"', SAP),
        ('multipart/mixed; boundary="batch_1 "', SAP),
        (r'multipart/mixed; boundary="batch\_1"', SAP),
        ('Multipart/Mixed;charset="a;boundary=b";Boundary=batch_1', SAP),
        ("multipart/mixed ; charset=utf-8 ; boundary = batch_1 ; x=y", SAP),
        (MULTIPART, SAP + b"\r\n"),
        (MULTIPART, b"--batch_1x\r\npreamble\r\n" + SAP + b"\r\n--batch_1\r\nepilogue"),
        (MULTIPART, SAP.replace(b"\r\n", b"\n")),
        (MULTIPART, SAP.replace(b"set_1\r\n", b"set_1 \t\r\n").replace(b"h_1\r\n", b"h_1 \r\n")),
        (MULTIPART, SAP + b"  "),
        (MULTIPART, SAP.replace(b"--changeset_1--\r\n", b"--changeset_1--\r\nepilogue\r\n")),
        (MULTIPART, SAP.replace(b"Content-Type: mult", b"X: y\r\nCONTENT-TYPE:MULT")),
        (MULTIPART, SAP.replace(b"application/http", b"Application/HTTP; msgtype=response")),
        (MULTIPART, SAP.replace(b"HTTP/1.1 201 Created", b"HTTP/1.0 201")),
        (MULTIPART, SAP.replace(b"201 Created", b"201 ")),
        (MULTIPART, SAP.replace(b"Length: 32", b"Length: 31")),
        (MULTIPART, SAP.replace(b"Length: 32", b"Length: many")),
    ],
)
def test_other_ways_to_write_the_same(media_type: str, body: bytes) -> None:
    """The envelope may differ; the delimiters, not the lengths, say where a body ends."""
    first, second, third = decode(answered(body, media_type), 3)
    assert (first.status, second.status, third.status) == (201, 400, 201)
    assert (first.body, second.body, third.body) == (ENTITY, ERROR, ENTITY)


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\r\n\r\n"])
def test_an_answer_without_a_body(ending: bytes) -> None:
    """As after 204: nothing but headers, however they end."""
    part = b"HTTP/1.1 204 No Content\r\nX: y" + ending
    body = b"--batch_1\r\nContent-Type: application/http\r\n\r\n" + part + b"\r\n--batch_1--"
    (answer,) = decode(answered(body), 1)
    assert (answer.status, answer.header("x"), answer.body) == (204, "y", b"")


def test_of_a_repeated_header_the_first_counts() -> None:
    """In any case of its letters."""
    body = SAP.replace(b"DataServiceVersion: 2.0", b"X: 1\r\nx: 2\r\nX: 3")
    assert decode(answered(body), 3)[0].header("x") == "1"


BARE = b"--batch_1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 400 Bad Request\r\n"


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (answered(SAP, status=200), 3),
        (answered(SAP, status=400), 3),
        (Answer(202, {}, SAP), 3),
        (answered(SAP, "application/json"), 3),
        (answered(SAP, "multipart/related; boundary=batch_1"), 3),
        (answered(SAP, "multipart/mixed"), 3),
        (answered(SAP, "multipart/mixed; boundary="), 3),
        (answered(SAP, 'multipart/mixed; boundary=" "'), 3),
        (answered(SAP, 'multipart/mixed; boundary="batch_1'), 3),
        (answered(SAP, "multipart/mixed; boundary=bätch_1"), 3),
        (answered(SAP, "multipart/mixed; boundary=" + "b" * 71), 3),
        (answered(SAP, "multipart/mixed; boundary=batch"), 3),
        (answered(SAP, "multipart/mixed; boundary=BATCH_1"), 3),
        (answered(SAP), 2),
        (answered(SAP), 4),
        (answered(SAP), 0),
        (answered(SAP), -1),
        (answered(b""), 1),
        (answered(b"--batch_1--"), 1),
        (answered(b"--batch_1"), 1),
        (answered(SAP[:-2]), 3),
        (answered(SAP[:-11]), 3),
        (answered(SAP.replace(b"--changeset_1--", b"")), 3),
        (answered(SAP.replace(b"--changeset_1\r\n", b"")), 3),
        (answered(SAP.replace(b"--changeset_1--", b"--changeset_1\r\n" + CREATED + b"--x")), 3),
        (
            answered(
                SAP.replace(b"--changeset_1--", b"--changeset_1\r\n" + CREATED + b"--changeset_1--")
            ),
            3,
        ),
        (answered(SAP.replace(b"boundary=changeset_1", b"boundary=batch_1")), 3),
        (answered(SAP.replace(b"boundary=changeset_1", b"x=y")), 3),
        (answered(SAP.replace(b"application/http", b"text/plain")), 3),
        (answered(SAP.replace(b"application/http", b"multipart/mixed; boundary=x")), 3),
        (answered(SAP.replace(b"Content-Type: application/http\r\n", b"")), 3),
        (answered(SAP.replace(b"HTTP/1.1 201 Created\r\n", b"")), 3),
        (answered(SAP.replace(b"HTTP/1.1 201", b"HTTP/2 201")), 3),
        (answered(SAP.replace(b"HTTP/1.1 201", b"HTTP/1.1 20")), 3),
        (answered(SAP.replace(b"HTTP/1.1 201", b"HTTP/1.1 2011")), 3),
        (answered(SAP.replace(b"HTTP/1.1 201", b"HTTP/1.1 \xb2\xb9\xb2")), 3),
        (answered(SAP.replace(b"DataServiceVersion:", b"DataServiceVersion")), 3),
        (answered(SAP.replace(b"DataServiceVersion:", b"Data Service:")), 3),
        (answered(SAP.replace(b"Version: 2", b"Version: \r2")), 3),
        (answered(SAP.replace(b"Version: 2", b"Version: \0002")), 3),
        (answered(BARE + b"X: " + b"y" * 20_000 + b"\r\n\r\n{}\r\n--batch_1--"), 1),
        (answered(BARE + b"X: " + b"y" * 20_000 + b"\r\n--batch_1--"), 1),
        (answered(b"--batch_1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--batch_1--"), 1),
    ],
)
def test_what_is_no_batch_answer(answer: Answer, count: int) -> None:
    """One error for all of it."""
    with pytest.raises(BatchError):
        decode(answer, count)


@dataclass
class Style:
    """How an answer is written."""

    outer: str
    line_end: bytes
    padding: bytes
    length: str
    ending: bytes


def header_lines(answer: Answer, style: Style) -> list[bytes]:
    """A status line, headers and a length, which may be wrong."""
    lines = [b"HTTP/1.1 %d Some reason" % answer.status]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in answer.headers.items()]
    length = {
        "bytes": len(answer.body),
        "characters": len(answer.body.decode(errors="replace")),
        "wrong": 3,
    }.get(style.length)
    return [*lines, b"Content-Length: %d" % length] if length is not None else lines


def written(answers: Sequence[Answer], style: Style) -> bytes:
    """Answers as SAP lays them out: below 300 in a changeset, from 400 on without one."""
    lines: list[bytes] = []
    outer = b"--" + style.outer.encode()
    for number, answer in enumerate(answers):
        part = [b"Content-Type: application/http", b"Content-Transfer-Encoding: binary", b""]
        part += [*header_lines(answer, style), b"", answer.body]
        if answer.status < 300:
            inner = b"%dchangeset_%d" % (number, number)
            kind = b"Content-Type: multipart/mixed; boundary=" + inner
            delimiter = b"--" + inner
            part = [kind, b"", delimiter + style.padding, *part, delimiter + b"--" + style.padding]
        lines += [outer + style.padding, *part]
    return style.line_end.join([*lines, outer + b"--"]) + style.ending


STYLES = st.builds(
    Style,
    st.from_regex(r"[A-Za-z0-9_]{1,70}", fullmatch=True).filter(str.isascii)
    | st.just("batch_9d5f"),
    st.sampled_from([b"\r\n", b"\r\n", b"\n"]),
    st.sampled_from([b"", b"", b" ", b"\t "]),
    st.sampled_from(["bytes", "characters", "wrong", "none"]),
    st.sampled_from([b"", b"\r\n", b"\r\nepilogue"]),
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Style, list[Answer]]:
    """Answers whose bodies look like delimiters, and are none."""
    style = draw(STYLES)
    delimiters = [f"--{style.outer}", *(f"--{number}changeset_{number}" for number in range(4))]
    likes = [
        like
        for each in delimiters
        for like in (f"\r\n{each}x", f"\n {each}", f"\r\n{each}--x", f"\n{each[:-1]}\n", each)
    ]
    pieces = st.sampled_from([*likes, "\r\n", "\n", "\r", "Zoë 東京 😀", '{"d":{}}']) | st.text()
    bodies = st.lists(pieces, max_size=6).map(lambda some: "".join(some).encode())
    true = "|".join(map(re.escape, delimiters)).encode()
    delimiter = re.compile(rb"(?:\A|\n)(?:" + true + rb")(?:--)?[ \t\r]*(?:\n|\Z)")
    bodies = bodies.filter(lambda body: not delimiter.search(body))
    if style.line_end == b"\n":
        bodies = bodies.filter(lambda body: not body.endswith(b"\r"))
    statuses = st.sampled_from([200, 201, 400, 404, 500])
    headers = HEADERS.map(lambda some: {name.lower(): value for name, value in some.items()})
    return style, draw(st.lists(st.builds(Answer, statuses, headers, bodies), max_size=4))


@given(batches())
def test_every_answer_comes_back(batch: tuple[Style, list[Answer]]) -> None:
    """Successes and failures mixed, in order, each with all of its body and its headers."""
    style, answers = batch
    outer = answered(written(answers, style), f"multipart/mixed; boundary={style.outer}")
    read = decode(outer, len(answers))
    assert [(each.status, each.body) for each in read] == [(a.status, a.body) for a in answers]
    for got, sent in zip(read, answers, strict=True):
        headers = {name: value for name, value in got.headers.items() if name != "content-length"}
        assert headers == {name: value.strip(" \t") for name, value in sent.headers.items()}


PIECES = st.sampled_from(
    [
        *(b"--batch_1", b"--changeset_1", b"--", b"\r\n", b"\n", b"\r", b" ", b":", b"\0", b"\xff"),
        *(b"Content-Type: ", b"multipart/mixed; boundary=", b"changeset_1", b"application/http"),
        *(b"HTTP/1.1 201 Created", b"\r\n\r\n", b"{}", CREATED, CHANGESET, FAILED, b"marked"),
    ]
)
NOISE = st.lists(PIECES | st.binary(max_size=3), max_size=12).map(b"".join)
TRUE = st.just(SAP.replace(ENTITY, b'{"d":"marked"}').replace(ERROR, b"marked"))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The answer of SAP with noise put in and bytes taken out."""
    content = draw(TRUE)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        gone = draw(st.integers(0, 40))
        content = content[:at] + draw(NOISE) + content[at + gone :]
    return content


MEDIA_TYPES = st.just(MULTIPART) | st.text().map(lambda text: f"multipart/mixed;{text}")


@given(NOISE | mutated() | st.binary(), MEDIA_TYPES | st.text(), st.integers(-1, 4))
def test_any_bytes_are_answers_or_an_error(content: bytes, media_type: str, count: int) -> None:
    """Nothing else is raised, and the error tells nothing of the answer."""
    try:
        answers = decode(answered(content, media_type), count)
    except BatchError as caught:
        error = caught
    else:
        assert len(answers) == count
        assert all(100 <= answer.status <= 999 for answer in answers)
        return
    assert "marked" not in repr(error)
    assert error.__context__ is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        *(b"--batch_1", b"\n--batch_1 x", b"\n--batch_1--x", b"\n", b"\r\n", b" ", b"-", b"a"),
        *(b"\n--batch_1\n", b"\n--batch_1\nContent-Type: application/http\n\nHTTP/1.1 200\n\n"),
        *(b"a:\n", b"a: \r", b"--batch_1 \t", CHANGESET),
    ],
)
def test_time_is_linear(piece: bytes) -> None:
    """Megabytes of what could send a reader back and forth are done in no time."""
    content = piece * (2_000_000 // len(piece))
    part = b"--batch_1\r\nContent-Type: application/http\r\n\r\n"
    for body in (content, part + content, BARE + content, BARE + b"\r\n" + content):
        with pytest.raises(BatchError):
            decode(answered(body + b"\r\n--batch_1--x"), 200)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [" ", ";", "a", 'a="', '"', "\\", "a=b;", 'a="\\"', "a ", "= "])
def test_a_long_media_type_is_read_in_linear_time(piece: str) -> None:
    """Here too."""
    with pytest.raises(BatchError):
        decode(answered(SAP, "multipart/mixed;" + piece * (100_000 // len(piece))), 3)


async def test_the_simulator_understands_it() -> None:
    """A batch with one bad record, there and back."""
    config = SimulatorConfig()
    host = "http://sap.test"
    base = f"{host}/odata2webservices/{config.definition.code}"
    records = [
        {"uid": "a@example.com", "name": "Zoë"},
        {"uid": "b@example.com", "nonsense": "B"},
        {"uid": "c@example.com", "name": "東京"},
    ]
    changes = [Change(orjson.dumps(record), {"Content-Language": "en"}) for record in records]
    entity_set = config.definition.root.entity_set
    content = encode(changes, entity_set=entity_set, boundary="frontdesk_5d41")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(config))) as client:
        form = {"grant_type": "client_credentials", "client_id": config.client_id}
        form["client_secret"] = config.client_secret
        granted = await client.post(f"{host}/authorizationserver/oauth/token", data=form)
        headers = {
            "Authorization": f"Bearer {granted.json()['access_token']}",
            "Content-Type": content_type("frontdesk_5d41"),
            "Accept": "application/json",
        }
        reply = await client.post(f"{base}/$batch", content=content, headers=headers)
    answer = Answer(reply.status_code, dict(reply.headers), reply.content)
    first, second, third = decode(answer, 3)
    assert (first.status, second.status, third.status) == (201, 400, 201)
    assert first.json_object()["d"]["name"] == "Zoë"
    assert second.json_object()["error"]["code"] == "invalid_property"
    assert third.json_object()["d"]["name"] == "東京"
