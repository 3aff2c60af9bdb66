"""Multipart forms: their text fields, wherever the chunks end, and no file in memory."""

import os
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from python_multipart.multipart import FormParser, parse_options_header

from frontdesk.multipart import (
    AMBIGUOUS,
    MAX_FIELDS,
    MAX_HEADER_BYTES,
    MAX_PADDING,
    MAX_PARTS,
    MAX_TEXT_BYTES,
    Multipart,
)

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
OCTETS = b"Content-Type: application/octet-stream"
Part = tuple[list[bytes], bytes]


def field(name: bytes, value: bytes) -> Part:
    """A text field as browsers send it."""
    return [b'Content-Disposition: form-data; name="%b"' % name], value


def upload(name: bytes, content: bytes, filename: bytes = b"a.png") -> Part:
    """A file as browsers send it."""
    disposition = b'Content-Disposition: form-data; name="%b"; filename="%b"' % (name, filename)
    return [disposition, OCTETS], content


def encoded(*parts: Part, boundary: bytes = BOUNDARY) -> bytes:
    """The body of these parts."""
    lines = []
    for headers, content in parts:
        lines += [b"--" + boundary, *headers, b"", content]
    return b"\r\n".join((*lines, b"--" + boundary + b"--", b""))


def read(body: bytes, boundary: bytes = BOUNDARY, size: int = 1 << 20) -> dict[str, str]:
    """What is found in a body that comes in chunks of this size."""
    form = Multipart(b"multipart/form-data; boundary=" + boundary)
    for start in range(0, len(body), size):
        form.feed(body[start : start + size])
    return form.fields()


def python_multipart(body: bytes, boundary: bytes) -> dict[str, str]:
    """What Starlette and its kin find: they read with this library."""
    found: dict[str, str] = {}

    def on_field(one: object) -> None:
        name, value = getattr(one, "field_name", b""), getattr(one, "value", b"") or b""
        text = value.decode("utf-8", "replace")
        if found.setdefault(name.decode("utf-8", "replace"), text) != text:
            found[name.decode("utf-8", "replace")] = AMBIGUOUS

    parser = FormParser("multipart/form-data", on_field, lambda one: one.close(), boundary=boundary)
    parser.write(body)
    parser.finalize()
    parser.close()
    return found


FORM = encoded(
    field(b"email", "zoë@example.com".encode()),
    field(b"password", b"s3cret"),
    upload(b"picture", b"\r\n--" + BOUNDARY[:-1] + b"\r\n\r\n\x89PNG\r\n" + bytes(range(256))),
    field(b"note", b"one\r\ntwo\n--three--\r\n--" + BOUNDARY[:20] + b"\r"),
    upload(b"empty", b"", b""),
    field(b"email", "zoë@example.com".encode()),
    field(b"twice", b"jane@example.com"),
    field(b"twice", b"other@example.com"),
    field(b"", b""),
    field(b"last", b"--"),
)
FIELDS = {
    "email": "zoë@example.com",
    "password": "s3cret",
    "note": "one\r\ntwo\n--three--\r\n--" + BOUNDARY[:20].decode() + "\r",
    "twice": AMBIGUOUS,
    "": "",
    "last": "--",
}


def test_a_form_with_files() -> None:
    """Each text field's value, in order; what was given twice in two ways is not known."""
    assert list(read(FORM).items()) == list(FIELDS.items())
    assert python_multipart(FORM, BOUNDARY) == FIELDS


def test_every_split_reads_the_same() -> None:
    """Two chunks that meet at any byte, and chunks of any size."""
    for end in range(len(FORM) + 1):
        form = Multipart(b"multipart/form-data; boundary=" + BOUNDARY)
        form.feed(FORM[:end])
        form.feed(b"")
        form.feed(FORM[end:])
        assert form.fields() == FIELDS
    for size in range(1, 120):
        assert read(FORM, size=size) == FIELDS


def test_what_was_cut_off_is_not_read() -> None:
    """Nothing is half-read: without the closing delimiter there are no fields."""
    closed = FORM.rindex(b"--") + 2
    for end in range(len(FORM) + 1):
        assert read(FORM[:end]) == (FIELDS if end >= closed else {})


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'multipart/form-data; boundary="abc"', b"abc"),
        (b'Multipart/Form-Data;BOUNDARY="a b:c"', b"a b:c"),
        (b'multipart/form-data ; charset=utf-8 ; boundary = "abc" ;', b"abc"),
        (b"multipart/form-data; boundary=abc ;charset=utf-8", b"abc"),
        (b"multipart/form-data; boundary=----=_Part_1_2.3?", b"----=_Part_1_2.3?"),
        (b'multipart/form-data; boundary="a\\"b\\\\c;d"', b'a"b\\c;d'),
        (b"multipart/form-data; boundary=-", b"-"),
        (b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70),
    ],
    ids=range(9),
)
def test_boundaries(content_type: bytes, boundary: bytes) -> None:
    """As RFC 2046 has them, quoted or not, and as clients send them."""
    form = Multipart(content_type)
    form.feed(encoded(field(b"a", b"1"), boundary=boundary))
    assert form.fields() == {"a": "1"}


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"multipart/form-data",
        b"multipart/form-data;",
        b"multipart/form-data; boundary",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b'multipart/form-data; boundary="abc',
        b'multipart/form-data; boundary="abc "',
        b"multipart/form-data; boundary=abc; boundary=abc",
        b"multipart/form-data; boundary=ab\xc3\xa9",
        b'multipart/form-data; boundary="a\r\nb"',
        b"multipart/form-data; boundary=" + b"x" * 71,
        b"multipart/form-data, boundary=abc",
    ],
    ids=range(13),
)
def test_without_a_boundary_there_is_no_form(content_type: bytes) -> None:
    """Nor with one that is none, or two."""
    form = Multipart(content_type)
    for boundary in (b"abc", b"", b"x" * 71, b"abc "):
        form.feed(encoded(field(b"a", b"1"), boundary=boundary))
    assert form.fields() == {}


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        (b'name="email"', "email"),
        (b"name=email", "email"),
        (b"NAME = email ", "email"),
        (b'name="customer[email]"', "customer[email]"),
        (b'name="a;b=c"', "a;b=c"),
        (b'name="a\\"b"', 'a"b'),
        (b'name="a%22b"', 'a"b'),
        (b'name="a%0D%0Ab"', "a\r\nb"),
        (b'name="100%"', "100%"),
        (b'name="%41"', "%41"),
        (b'name="a\\\\b"', "a\\b"),
        (b'name="a\\b"', "a\\b"),
        (b'name="' + "näme".encode() + b'"', "näme"),
        (b'name="\xff"', "\ufffd"),
        (b'name=""', ""),
        (b'other="x"; name="email"; more=y;', "email"),
    ],
    ids=range(16),
)
def test_names(parameter: bytes, name: str) -> None:
    """Escaped as the WHATWG says, or as older clients do."""
    assert read(encoded(([b"Content-Disposition: form-data; " + parameter], b"1"))) == {name: "1"}


DISPOSITION = b'Content-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    "headers",
    [
        [b'content-disposition:form-data;name="a"'],
        [b'CONTENT-DISPOSITION: \t Form-Data ; name="a" \t'],
        [b'Content-Disposition: form-data;\r\n\tname="a"'],
        [b'Content-Disposition: form-data;\r\n name="a"', b"X-Other: 1"],
        [DISPOSITION, b"Content-Type: text/plain"],
        [DISPOSITION, b"Content-Type: Text/Plain; charset=iso-8859-1"],
        [DISPOSITION, b"Content-Type:"],
        [b"Content-Length: 1", DISPOSITION],
        [DISPOSITION, b"Content-Transfer-Encoding: 8BIT"],
    ],
    ids=range(9),
)
def test_text_parts(headers: list[bytes]) -> None:
    """Whatever else their headers say."""
    assert read(encoded((headers, b"1"))) == {"a": "1"}


@pytest.mark.parametrize(
    "headers",
    [
        [DISPOSITION + b'; filename="x.txt"'],
        [DISPOSITION + b"; filename=x.txt"],
        [DISPOSITION + b'; filename=""'],
        [DISPOSITION + b"; filename*=UTF-8''%e2%82%ac.txt"],
        [DISPOSITION + b"; FileName=my file.txt", b"Content-Type: text/plain"],
        [DISPOSITION + b'; filename*0="a"; filename*1="b"'],
        [DISPOSITION + b'; filename="C:\\dir\\x.txt"'],
        [DISPOSITION, b"Content-Type: application/json"],
        [DISPOSITION, b"Content-Type: text/html"],
        [DISPOSITION, b"Content-Transfer-Encoding: base64"],
        [DISPOSITION, b"Content-Transfer-Encoding: quoted-printable"],
    ],
    ids=range(11),
)
def test_other_parts_are_skipped(headers: list[bytes]) -> None:
    """Files, other media types, and what would have to be decoded; the rest is read."""
    body = encoded(field(b"b", b"1"), (headers, b"x" * 100_000), field(b"c", b"2"))
    assert read(body) == {"b": "1", "c": "2"}


D = b"--" + BOUNDARY
GOOD = DISPOSITION + b"\r\n\r\n1\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"This is a preamble.\r\n\r\n-- \r\n" + D + b"\r\n" + GOOD + D + b"--",
        b"\r\n" + D + b"\r\n" + GOOD + D + b"--",
        b"\n\r\n\r\r\n" + D + b"\r\n" + GOOD + D + b"--",
        D[:-1] + b"\r\n\r\n" + D + b"\r\n" + GOOD + D + b"--",
        D + b" \t \r\n" + GOOD + D + b"\t\r\n" + GOOD + D + b"--",
        D + b"\r\n" + GOOD + D + b"--\r\nAn epilogue.\r\n" + D[:-1] + b"--",
        D + b"\r\n" + GOOD + D + b"--  \t \r\n",
        D + b"\r\n" + GOOD + D + b"--\n",
        D + b"\r\n" + GOOD + D + b"--\r\n\r\n\r\n",
        D + b" " * MAX_PADDING + b"\r\n" + GOOD + D + b"--" + b" " * 1000,
    ],
    ids=range(10),
)
def test_what_is_around_the_parts(body: bytes) -> None:
    """A preamble, an epilogue, spaces after a delimiter (RFC 2046 section 5.1.1)."""
    for size in (1, 2, 3, 7, 1000):
        assert read(body, size=size) == {"a": "1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a=1",
        D,
        D + b"--",
        D + b"--\r\n",
        D[2:] + b"\r\n" + GOOD + D + b"--",
        b"x" + D + b"\r\n" + GOOD + D + b"--",
        D + b"\n" + GOOD.replace(b"\r\n", b"\n") + D + b"--",
        D + b"\r\n" + DISPOSITION + b"\n\n1\r\n" + D + b"--",
        D + b"\r\n" + DISPOSITION + b"\nX: y\r\n\r\n1\r\n" + D + b"--",
        D + b"\r\n" + DISPOSITION + b"\rX: y\r\n\r\n1\r\n" + D + b"--",
        D + b"\r\n\r\n1\r\n" + D + b"--",
        D + b"\r\nContent-Type: text/plain\r\n\r\n1\r\n" + D + b"--",
        D + b"\r\nContent-Disposition: form-data\r\n\r\n1\r\n" + D + b"--",
        D + b'\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n' + D + b"--",
        D + b'\r\nContent-Disposition : form-data; name="a"\r\n\r\n1\r\n' + D + b"--",
        D + b"\r\n" + DISPOSITION + b"\r\n" + GOOD + D + b"--",
        D + b"\r\n" + DISPOSITION + b'; name="b"\r\n\r\n1\r\n' + D + b"--",
        D + b'\r\nContent-Disposition: form-data; name="a\r\n\r\n1\r\n' + D + b"--",
        D + b'\r\nContent-Disposition: form-data; name="a"x\r\n\r\n1\r\n' + D + b"--",
        D + b'\r\nContent-Disposition: form-data; name="a" filename="x"\r\n\r\n1\r\n' + D + b"--",
        D + b"\r\n" + DISPOSITION + b"\r\nnonsense\r\n\r\n1\r\n" + D + b"--",
        D + b"\r\n" + GOOD + D + b"\r\n" + D + b"--",
        D + b"\r\n" + GOOD + D + b"-",
        D + b"\r\n" + GOOD + D + b"-\r\n",
        D + b"\r\n" + GOOD + D + b" --",
        D + b"\r\n" + GOOD + D + b"--more\r\n",
        D + b"\r\n" + GOOD + D + b"-- more\r\n",
        D + b"\r\n" + GOOD + D + b"\r\nContent-Disposition: form-data\r\n\r\n\r\n" + D + b"--",
        D + b" " * (MAX_PADDING + 1) + b"\r\n" + GOOD + D + b"--",
    ],
    ids=range(30),
)
def test_malformed_bodies(body: bytes) -> None:
    """No field of theirs counts, not even one that was complete before."""
    for size in (1, 2, 3, 7, 1000):
        assert read(body, size=size) == {}


LIKE = b"\r\n--" + BOUNDARY


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"-", b"--", b"\r\n-", b"\r\n--", b"x\r\r\r"),
        *(LIKE[:-1], LIKE[:-1] + b"\r\n", LIKE[:-1] + b"--", LIKE[:-1] + LIKE[:-1], LIKE[:5] * 99),
        *(BOUNDARY, b"-" + BOUNDARY, b"\r\n" + BOUNDARY + b"--", b"\r\n--x" + BOUNDARY),
        *(b"--" + BOUNDARY[:-1], b"\n--" + BOUNDARY[:-1], b"\r\n--" + BOUNDARY.lower()),
    ],
    ids=range(22),
)
def test_a_value_may_look_like_a_delimiter(value: bytes) -> None:
    """It is kept to the byte, up to the line break that belongs to the real delimiter."""
    body = encoded(field(b"a", value), upload(b"b", value), field(b"c", value))
    for size in (1, 2, 3, 5, 41, 1000):
        assert read(body, size=size) == {"a": value.decode(), "c": value.decode()}


@pytest.mark.parametrize(
    "odd",
    [
        *(b"x" + D, b"x" + D + b"\r\n" + GOOD, b"\n" + D + b"\r\n" + GOOD, b"\r" + D + b"--"),
        *(LIKE + b"x", LIKE + b"x\r\n", LIKE + b"-x", LIKE + b" x", LIKE + b" \r", LIKE + b"\rx"),
        *(LIKE + b"\n" + GOOD, LIKE + b" " * (MAX_PADDING + 1), D, D + b"\r\n" + GOOD, b"-" + D),
    ],
    ids=range(15),
)
def test_where_parsers_differ_nothing_is_read(odd: bytes) -> None:
    """Some take a delimiter within a line, after half a line break or right after headers."""
    bodies = (
        encoded(field(b"b", b"1"), field(b"a", odd)),
        encoded(field(b"b", b"1"), upload(b"a", odd), field(b"c", b"2")),
    )
    for body in bodies:
        for size in (1, 2, 3, 5, 41, 1000):
            assert read(body, size=size) == {}


def test_an_odd_preamble_or_epilogue() -> None:
    """It is one for all parsers, or there is no form."""
    for odd in (b"x" + D + b"\r\n" + GOOD, b"\n" + D + b"\r\n" + GOOD, D + b"x\r\n", b"-"):
        for size in (1, 3, 1000):
            assert read(odd + encoded(field(b"b", b"1")), size=size) == {}
            assert read(encoded(field(b"b", b"1")) + b"--" + odd + D, size=size) == {}


def test_undecodable_bytes() -> None:
    """They become U+FFFD, which no trait may hold; `_charset_` is a field like any other."""
    body = encoded(field(b"_charset_", b"iso-8859-1"), field(b"a", "zoë".encode("latin-1")))
    assert read(body) == {"_charset_": "iso-8859-1", "a": "zo\ufffd"}


def bounded(name: str, over: int) -> bytes:
    """A body at a bound, or beyond it by so much."""
    match name:
        case "fields":
            return encoded(*(field(b"a", b"") for _ in range(MAX_FIELDS + over)))
        case "text":
            return encoded(field(b"a", b"x" * (MAX_TEXT_BYTES - 1 + over)))
        case "texts":
            half = MAX_TEXT_BYTES // 2
            return encoded(field(b"a", b"x" * (half - 1)), field(b"b", b"x" * (half - 1 + over)))
        case "names":
            names = [b"a" * 1024] * (MAX_TEXT_BYTES // 1024 - 1) + [b"b" * (1023 + over)]
            return encoded(field(b"c", b""), *(field(name, b"") for name in names))
        case "headers":
            more = b"X: " + b"x" * (MAX_HEADER_BYTES - len(DISPOSITION) - 2 - 3 + over)
            return encoded(([DISPOSITION, more], b"1"))
        case _:
            files = MAX_PARTS - 1 + over
            return encoded(field(b"a", b"1"), *(upload(b"b", b"") for _ in range(files)))


@pytest.mark.parametrize("name", ["fields", "text", "texts", "names", "headers", "files"])
def test_bounds_are_exact(name: str) -> None:
    """At the bound all is read, beyond it nothing; however the body is cut."""
    for size in (61, 1 << 20):
        assert read(bounded(name, 0), size=size) != {}
        assert read(bounded(name, 1), size=size) == {}
        assert read(bounded(name, 5000), size=size) == {}


def test_beyond_a_bound_nothing_is_held() -> None:
    """Headers, or a text, without an end."""
    for start in (b"X: ", GOOD[:-2]):
        form = Multipart(b"multipart/form-data; boundary=" + BOUNDARY)
        form.feed(D + b"\r\n" + start)
        tracemalloc.start()
        for _ in range(100):
            form.feed(b"x" * 64 * 1024)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 512 * 1024
        form.feed(b"\r\n" + FORM)
        assert form.fields() == {}


CHUNK = 64 * 1024
FILES = {
    "zeros": bytes(CHUNK),
    "noise": os.urandom(CHUNK),
    "line breaks": b"\r\n" * (CHUNK // 2),
    "almost delimiters": (LIKE[:-1] * CHUNK)[:CHUNK],
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
@pytest.mark.parametrize("chunks", [1, 800])
def test_a_large_file_is_not_in_memory(content: bytes, chunks: int) -> None:
    """50 MB, as 800 chunks or as one; the fields before and after it count."""
    form = Multipart(b"multipart/form-data; boundary=" + BOUNDARY)
    whole = content * (800 // chunks)
    end = len(D) + 4
    tracemalloc.start()
    form.feed(encoded(field(b"a", b"1"), upload(b"b", b""))[:-end])
    for _ in range(chunks):
        form.feed(whole)
    form.feed(b"\r\n" + encoded(field(b"c", b"2")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert form.fields() == {"a": "1", "c": "2"}
    assert peak < 512 * 1024


def test_single_bytes_cost_no_more() -> None:
    """Between them no more is held than a line that may be a delimiter, so each costs the same."""
    form = Multipart(b"multipart/form-data; boundary=" + BOUNDARY)
    form.feed(encoded(upload(b"b", b""))[: -len(D) - 4])
    most = len(LIKE) + MAX_PADDING + 2
    for content in (LIKE[:-1], LIKE[:-1] * 5, b"\r" * 200, b"\r\n--" * 50, b"x" * 200):
        for at in range(len(content)):
            form.feed(content[at : at + 1])
            assert len(form._held) <= most
    form.feed(b"\r\n" + encoded(field(b"c", b"2")))
    assert form.fields() == {"c": "2"}


boundaries = st.text("ab-_'.", min_size=1, max_size=70).map(str.encode)


@st.composite
def forms(draw: st.DrawFn) -> tuple[bytes, list[tuple[bytes, bytes, bool]]]:
    """A boundary, and parts of which each is name, content and whether it is a text."""
    boundary = draw(boundaries)
    like = b"\r\n--" + boundary
    pieces = st.one_of(
        st.integers(0, len(like)).map(lambda end: like[:end]),
        st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n", b" ", boundary]),
        st.text(max_size=5).map(lambda text: text.encode("utf-8", "replace")),
        st.binary(max_size=5),
    )
    content = st.lists(pieces, max_size=8).map(b"".join)
    names = st.text("abz[]. é", max_size=4).map(str.encode)
    parts = draw(st.lists(st.tuples(names, content, st.booleans()), max_size=6))
    # RFC 7578 section 4.1: a delimiter is in no part.
    clean = [(name, text.replace(like[2:], b""), is_text) for name, text, is_text in parts]
    assume(all(like[2:] not in text + b"\r\n--" for _, text, _ in clean))
    return boundary, clean


@given(form=forms(), size=st.integers(1, 100), around=st.booleans())
def test_what_was_encoded_is_read(
    form: tuple[bytes, list[tuple[bytes, bytes, bool]]], size: int, around: bool
) -> None:
    """Also with files in between, values like delimiters, and chunks that end anywhere."""
    boundary, parts = form
    made = [
        field(name, content) if is_text else upload(name, content)
        for name, content, is_text in parts
    ]
    expected: dict[str, str] = {}
    for name, content, is_text in parts:
        if is_text:
            text = content.decode("utf-8", "replace")
            if expected.setdefault(name.decode(), text) != text:
                expected[name.decode()] = AMBIGUOUS
    body = encoded(*made, boundary=boundary)
    assert python_multipart(body, boundary) == expected
    if around:
        body = b"preamble\r\n" + body + b"epilogue\r\n--" + boundary[:-1]
    assert list(read(body, boundary, size).items()) == list(expected.items())
    assert list(read(body, boundary).items()) == list(expected.items())


SOUP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(
                    b"--b",
                    b"--b--",
                    b"\r\n",
                    b"\r\n--b\r\n",
                    b"\r\n--b--",
                    b"\r\n\r\n",
                    b"\r",
                    b"\n",
                ),
                *(DISPOSITION + b"\r\n\r\n", DISPOSITION, DISPOSITION + b'; filename="x"\r\n\r\n'),
                *(b"Content-Type: text/plain\r\n", b"Content-Type: image/png\r\n\r\n", b": ", b'"'),
                *(b" ", b"\t", b"-", b"x", b"\xff"),
            ]
        ),
        st.binary(max_size=3),
    ),
    max_size=12,
)


@given(pieces=SOUP, sizes=st.lists(st.integers(0, 20), max_size=8))
def test_garbage_does_no_harm(pieces: list[bytes], sizes: list[int]) -> None:
    """It never raises, and reads the same however it is cut."""
    body = b"".join(pieces)
    form = Multipart(b"multipart/form-data; boundary=b")
    rest = body
    for size in sizes:
        form.feed(rest[:size])
        rest = rest[size:]
    form.feed(rest)
    assert form.fields() == read(body, b"b") == read(body, b"b", 1)


@given(content_type=st.binary(max_size=80), start=st.booleans(), body=st.binary(max_size=80))
def test_any_header_makes_a_form_or_none(content_type: bytes, start: bool, body: bytes) -> None:
    """Whatever the client says of its boundary; what can be read has the library's boundary."""
    if start:
        content_type = b"multipart/form-data; boundary=" + content_type
    form = Multipart(content_type)
    form.feed(body)
    assert form.fields() == {}
    options = parse_options_header(content_type.decode("latin-1"))[1]
    form = Multipart(content_type)
    form.feed(encoded(field(b"a", b"1"), boundary=options.get(b"boundary", b"")))
    assert form.fields() in ({}, {"a": "1"})


def test_nothing_private_in_a_repr() -> None:
    """Neither names nor values."""
    form = Multipart(b"multipart/form-data; boundary=" + BOUNDARY)
    form.feed(FORM)
    assert "example" not in repr(form)
    assert "email" not in repr(form)
