"""GraphQL: what a mutation selects, and how it was answered; graphql-core reads the same."""

import inspect
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLResolveInfo, build_schema, graphql_sync, parse
from graphql.language import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    ValueNode,
    VariableNode,
)
from hypothesis import example, given
from hypothesis import strategies as st

from frontdesk.graphql import (
    MAX_BATCH,
    MAX_DOCUMENT_CHARS,
    MAX_FIELDS,
    Operation,
    Selected,
    answer,
    mutations,
    operations,
)
from frontdesk.graphql_lexer import MAX_TOKENS
from frontdesk.graphql_parser import MAX_DEPTH

JANE = "jane@example.com"
SALEOR = """
  mutation login($email: String!, $password: String!) {
    tokenCreate(email: $email, password: $password) {
      token
      user { id email }
      errors { field message }
    }
  }
"""
TYPED = {"email": JANE, "password": "s3cret"}


def test_variables_are_put_in() -> None:
    """A login as Saleor's storefront sends it."""
    assert mutations(SALEOR, TYPED, "login") == [Selected("tokenCreate", "tokenCreate", TYPED)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("mutation { a }", [("a", "a", {})]),
        ("mutation M { a b }", [("a", "a", {}), ("b", "b", {})]),
        ("mutation { x: a, y: a(b: 1) }", [("x", "a", {}), ("y", "a", {"b": 1})]),
        ("mutation { mutation: query(on: true) { on } }", [("mutation", "query", {"on": True})]),
        ("mutation @live { a @x(y: {}) @z { b(c: $d) @e } }", [("a", "a", {})]),
        ("\ufeff#!\n,mutation#\r{a#}\n(b:1)#{\n}#", [("a", "a", {"b": 1})]),
        ("mutation { a a: b(c: 1) a }", [("a", "a", {})]),
        ("mutation { __typename }", [("__typename", "__typename", {})]),
        ("query Q { q } mutation { a } fragment F on T { b }", []),
        ('"why" mutation M("what" $a: Int = 1 @b, """x""" $c: [I!]!) { a }', [("a", "a", {})]),
        ("mutation { ...F c } fragment F on M { a ...G } fragment G on M { b ...F }", "abc"),
        ("fragment F on M { a ...{ b } } mutation { ... on M @x { ...F ...F } c }", "abc"),
        ("mutation { ...Nowhere a }", "a"),
        ("mutation { ...F @skip(if: true) ... { ...F } } fragment F on M { a }", "a"),
        ("mutation { a @skip(if: true) b @skip(if: false) c @include(if: false) }", "b"),
        ("mutation { a @include(if: true) @skip(if: true) b @include(if: true) c @skip }", "bc"),
        ("mutation { ... @include(if: false) { a } ... @skip(if: false) { b } }", "b"),
        ("query { a }", []),
        ("{ mutation }", []),
        ("subscription mutation { a }", []),
        ("mutation {}", []),
    ],
    ids=range(21),
)
def test_selected_fields(document: str, expected: Any) -> None:
    """Aliases, fragments, directives; and nothing of what is no mutation."""
    if isinstance(expected, str):
        expected = [(name, name, {}) for name in expected]
    assert mutations(document, {}, None) == expected == evaluated(document, {}, None)


@pytest.mark.parametrize(
    ("name", "expected"), [("A", "a"), ("B", "b"), ("Q", ""), ("C", ""), (None, ""), ("", "")]
)
def test_one_of_several_operations(name: str | None, expected: str) -> None:
    """The one that is named, and none without a name."""
    document = "mutation A { a } mutation B { b } query Q { c }"
    assert "".join(one.key for one in mutations(document, {}, name)) == expected


def test_the_name_of_a_single_operation() -> None:
    """It may be left out or empty, but not be another's."""
    for name in ("M", None, ""):
        assert mutations("mutation M { a }", {}, name) == [("a", "a", {})]
    assert mutations("mutation M { a }", {}, "m") == []
    assert mutations("mutation { a }", {}, "M") == []
    assert mutations("mutation M { a } mutation M { b }", {}, "M") == []


MALFORMED = [
    *("", " ", "mutation", "mutation {", "mutation }", "mutation { a", "mutation { a } }"),
    *("mutation { a } mutation", "mutation { a } x", "mutation { a } type T { a: Int }"),
    *("mutation { a() }", "mutation { a(b) }", "mutation { a(b:) }", "mutation { a(b: 1 }"),
    *("mutation { a(1: 1) }", "mutation { a(b: [1) }", "mutation { a(b: {c}) }", "mutation { 1 }"),
    *("mutation { a: }", "mutation { a: 1 }", "mutation { : a }", "mutation { $a }", "mutation ()"),
    *("mutation { a(b: {1: 1}) }", "mutation { a(b: !) }", "mutation { a(b: $) }", "mutation M N"),
    *("mutation { a(b: $1) }", "mutation { ... }", "mutation { ... on { a } }", "mutation { .. }"),
    *("mutation { ...F() } fragment F on M { a }", "mutation { a } fragment on on M { a }"),
    *("mutation { a } fragment F { a }", "mutation { a } fragment F on M", "mutation { a @ }"),
    *("mutation($a) { a }", "mutation($a: ) { a }", "mutation($a: [I) { a }", "mutation() { a }"),
    *("mutation($a: I!!) { a }", "mutation($a: I = ) { a }", "mutation($a: I = $b) { a }"),
    *("mutation($a: I = [{b: $b}]) { a }", "mutation($a: I @b(c: $d)) { a }", "mutation(a: I) {a}"),
    *('"why" { a }', '"why" "how" mutation { a }', "1 mutation { a }", "mutation { a & b }"),
    *('mutation { a(b: ") }', 'mutation { a(b: "\n") }', 'mutation { a(b: "\\x") }', "mutation é"),
    *('mutation { a(b: "\\u12") }', 'mutation { a(b: "\\ud800") }', 'mutation { a(b: "\\udc00") }'),
    *('mutation { a(b: "\\u{}") }', 'mutation { a(b: "\\u{110000}") }', "mutation { a %"),
    *('mutation { a(b: "\\u{d83d}\\u{de00}") }', 'mutation { a(b: "\\u{000000041}") }'),
    *('mutation { a(b: """) }', 'mutation { a(b: """\\""") }', 'mutation { a(b: """"") }'),
    *('mutation { a(b: "\\ud83d\\u0041") }', '"\\ud800" mutation { a }', 'mutation { a(b: "\\") }'),
    *(f"mutation {{ a(b: {one}) }}" for one in ("01", "-", "1.", ".1", "1e", "1x", "1.2.3", "0x1")),
    *(f"mutation {{ a(b: {one}) }}" for one in ("1e+", "-01", "1_", "+1", "1.e1", "--1")),
]


@pytest.mark.parametrize("document", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_documents(document: str) -> None:
    """Nothing is selected, and graphql-core refuses them too."""
    assert mutations(document, {}, None) == [] == evaluated(document, {}, None)


VALUES: list[tuple[str, object]] = [
    ("0", 0), ("-0", 0), ("-12", -12), ("1.50", 1.5), ("1e3", 1000.0), ("-1.5E-1", -0.15),
    ("12345678901234567890123", 12345678901234567890123.0), ("9223372036854775807", 2**63 - 1),
    ("1e999", "1e999"), ("-1e999", "-1e999"), ("9" * 400, "9" * 400), ("1e-999", 0.0),
    ("true", True), ("false", False), ("null", None), ("GOLD", "GOLD"), ("nullable", "nullable"),
    ("[]", []), ("{}", {}), ("[1[2]{a:3 b:[]}]", [1, [2], {"a": 3, "b": []}]),
    ('""', ""), ('"a"', "a"), ('"#,{"', "#,{"), ('"zoë 😀"', "zoë 😀"), ('["""" """ ""]', None),
    (r'"\"\\\/\b\f\n\r\t"', '"\\/\b\f\n\r\t'), (r'"jane@example.com"', JANE),
    (r'"\uD83D\uDe00\u{1f600}\u00e9\\u00e9"', "😀😀é\\u00e9"), ('"\t\x00\x7f"', "\t\x00\x7f"),
    ('""""""', ""), ('"""a"""', "a"), ('"""  a"""', "  a"), ('""" \n\t\n"""', ""),
    ('"""\n    a\n      b\n\n    c\n  """', "a\n  b\n\nc"), ('"""a\r\n  b\r   c"""', "a\nb\n c"),
    ('"""\n\ta\n  b"""', "a\n b"), (r'"""\"""\n"""', r'"""\n'), ('"""a"b""c\\"""', None),
    ('"""a" "" \\ \\\\ """', 'a" "" \\ \\\\ '), ('"""\u2028 a"""', "\u2028 a"),
]  # fmt: skip


@pytest.mark.parametrize(("literal", "value"), VALUES, ids=range(len(VALUES)))
def test_values(literal: str, value: object) -> None:
    """As JSON would have them; strings as graphql-core reads them."""
    document = f"mutation {{ a(b: {literal}) }}"
    found = mutations(document, {}, None)
    if value is not None:
        assert found == [("a", "a", {"b": value})]
    assert repr_of(found) == repr_of(evaluated(document, {}, None))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"d": 1, "list": [None, 1], "object": {"d": 1}}),
        (
            {"p": None, "d": None},
            {"p": None, "d": None, "list": [None, None], "object": {"p": None, "d": None}},
        ),
        (
            {"p": ["q"], "d": 2, "u": 3},
            {"p": ["q"], "d": 2, "list": [["q"], 2], "object": {"p": ["q"], "d": 2}},
        ),
    ],
    ids=range(3),
)
def test_absent_variables(variables: dict[str, Any], expected: dict[str, Any]) -> None:
    """Their default counts, else they are left out; in a list they are null (section 6.4.1)."""
    fields = "a(p: $p, d: $d, u: $u, list: [$p, $d], object: {p: $p, d: $d})"
    document = "mutation($p: T $d: Int = 1) { ...F } fragment F on M {" + fields + "}"
    assert mutations(document, variables, None) == [("a", "a", expected)]
    assert evaluated(document, variables, None) == [("a", "a", expected)]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"s": True}, ""), ({"s": False}, "a"), ({}, "a"), ({"s": None}, "a")],
    ids=range(4),
)
def test_directives_with_variables(variables: dict[str, Any], expected: str) -> None:
    """Only true skips; what is no boolean the server refuses."""
    document = "mutation($s: Boolean) { a @skip(if: $s) }"
    assert "".join(one.key for one in mutations(document, variables, None)) == expected


def bounded(bound: str, over: int) -> str:
    """A document at a bound, or beyond it by so much."""
    deep = MAX_DEPTH - 1 + over
    match bound:
        case "chars":
            return "mutation { a }".ljust(MAX_DOCUMENT_CHARS + over)
        case "fields":
            return "mutation {" + " ".join(f"a{n}" for n in range(MAX_FIELDS + over)) + "}"
        case "tokens":
            return "mutation { " + "a " * (MAX_TOKENS - 3 + over) + "}"
        case "selections":
            return "mutation { a " + "{ a " * deep + "}" * deep + "}"
        case "lists":
            return "mutation { a(b: " + "[" * deep + "]" * deep + ") }"
        case "objects":
            return "mutation { a(b: " + "{ a: [ " * (deep // 2) + "] }" * (deep // 2) + ") }"
        case _:
            return "mutation { " + "... { " * deep + "a" + "}" * deep + "}"


BOUNDS = ["chars", "fields", "tokens", "selections", "lists", "inline"]


@pytest.mark.parametrize("bound", BOUNDS)
def test_bounds_are_exact(bound: str) -> None:
    """At the bound all is read, beyond it nothing."""
    assert mutations(bounded(bound, 0), {}, None) == evaluated(bounded(bound, 0), {}, None) != []
    for over in (1, 200):
        assert mutations(bounded(bound, over), {}, None) == []
    assert mutations(bounded("objects", 0), {}, None) != []
    assert mutations(bounded("objects", 3), {}, None) == []


def test_a_long_chain_of_fragments() -> None:
    """Each is followed once, however often it is spread, and without recursion."""
    count = 600
    chain = "".join(f"fragment f{n} on M {{ ...f{n + 1} ...f{n + 1} }}" for n in range(count))
    document = f"mutation {{ ...f0 }} {chain} fragment f{count} on M {{ a ...f0 }}"
    assert mutations(document, {}, None) == [("a", "a", {})]


def test_little_stack_is_left() -> None:
    """A document that nests as deep as allowed does not break an app that does so itself."""
    document = bounded("lists", 0)

    def beneath(frames: int) -> list[Selected]:
        return beneath(frames - 1) if frames else mutations(document, {}, None)

    free = sys.getrecursionlimit() - len(inspect.stack(0))
    assert beneath(free - 60) == []
    assert beneath(0) != []


ENDLESS = [
    *("{", "a{", "a(b:[", "a(b:{c:", "[", "#", "#\n", '"', '""', '"""', '"""\\', '\\"""', "\\"),
    *("a ", "a:b ", "a(b:1)", "...f ", "...{", "@a", "@a(b:$c)", "-", "0", "1.", "1e1", "..."),
    *(" ", ",", "\ufeff", "é", "\r", ' "" ', 'a(b:"""\n""")', 'a(b:"\\n\\n")', "$", "a(b:1 c:"),
    *('a(b:"""" " ', 'a(b:"""\n', 'a(b:"""\\', 'a(b:"\\u{41}', 'a(b:"\\ud83d\\ude00', "\ud800"),
]


@pytest.mark.parametrize("piece", ENDLESS, ids=range(len(ENDLESS)))
@pytest.mark.parametrize("end", ["", '"""){c}}', '"){c}}', "){c}}", "}", "]"])
def test_adversaries_come_to_an_end(piece: str, end: str) -> None:
    """64 KiB of one piece: quadratic time would take minutes."""
    for start in ("mutation{", 'mutation{a(b:"""', 'mutation{a(b:"', ""):
        size = (MAX_DOCUMENT_CHARS - len(start) - len(end)) // len(piece)
        assert len(mutations(start + piece * size + end, {}, None)) <= MAX_FIELDS


# What graphql-core's syntax tree comes to, by the specification's algorithms.


class AbsentType:
    """The value of a variable that has none."""


ABSENT = AbsentType()


def evaluated(
    document: str, variables: Mapping[str, Any], operation_name: str | None
) -> list[Selected]:
    """As `mutations`, on graphql-core's tree."""
    try:
        definitions = parse(document, no_location=True).definitions
    except GraphQLError:
        return []
    fragments: dict[str, FragmentDefinitionNode] = {}
    chosen: list[OperationDefinitionNode] = []
    for one in definitions:
        if isinstance(one, FragmentDefinitionNode):
            fragments[one.name.value] = one
        elif not isinstance(one, OperationDefinitionNode):
            return []
        elif not operation_name or (one.name and one.name.value == operation_name):
            chosen.append(one)
    if len(chosen) != 1 or chosen[0].operation.value != "mutation":
        return []
    values = {
        one.variable.name.value: variables.get(
            one.variable.name.value,
            evaluate(one.default_value, {}) if one.default_value else ABSENT,
        )
        for one in chosen[0].variable_definitions or ()
    }
    found: dict[str, Selected] = {}
    gather(chosen[0].selection_set.selections, fragments, values, found, set())
    return list(found.values())


def gather(
    selections: Sequence[SelectionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    values: Mapping[str, Any],
    found: dict[str, Selected],
    visited: set[str],
) -> None:
    """CollectFields of section 6.3.2."""
    for one in selections:
        if has(one.directives, "skip", True, values) or has(
            one.directives, "include", False, values
        ):
            continue
        match one:
            case FieldNode():
                key = one.alias.value if one.alias else one.name.value
                if key not in found:
                    arguments = evaluate_all(one.arguments or (), values)
                    found[key] = Selected(key, one.name.value, arguments)
            case FragmentSpreadNode():
                fragment = fragments.get(one.name.value)
                if fragment and one.name.value not in visited:
                    visited.add(one.name.value)
                    gather(fragment.selection_set.selections, fragments, values, found, visited)
            case InlineFragmentNode():
                gather(one.selection_set.selections, fragments, values, found, visited)


def has(
    directives: Sequence[DirectiveNode] | None, name: str, flag: bool, values: Mapping[str, Any]
) -> bool:
    """True if a directive's condition, the last one's by that name, is this flag."""
    found = [one for one in directives or () if one.name.value == name][-1:]
    return any(evaluate_all(one.arguments or (), values).get("if") is flag for one in found)


def evaluate_all(named: Sequence[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments, or fields of an object: without those that are absent."""
    pairs = {one.name.value: evaluate(one.value, values) for one in named}
    return {name: value for name, value in pairs.items() if value is not ABSENT}


def evaluate(node: ValueNode, values: Mapping[str, Any]) -> Any:
    """A value, with variables put in."""
    match node:
        case VariableNode():
            return values.get(node.name.value, ABSENT)
        case ListValueNode():
            items = [evaluate(item, values) for item in node.values]
            return [None if item is ABSENT else item for item in items]
        case ObjectValueNode():
            return evaluate_all(node.fields, values)
        case NullValueNode():
            return None
        case IntValueNode():
            number = int(node.value)
            return number if -(2**63) <= number < 2**64 else double(node.value)
        case FloatValueNode():
            return double(node.value)
        case BooleanValueNode():
            return node.value
        case _:
            return node.value  # type: ignore[attr-defined]  # a string or an enum's


def double(text: str) -> float | str:
    """A number, or its text if it is none that JSON can hold."""
    return text if math.isinf(float(text)) else float(text)


def repr_of(selected: Sequence[Selected]) -> str:
    """With values, and with 1, 1.0 and True told apart."""
    return repr([tuple(one) for one in selected])


NAMES = st.sampled_from(
    ["a", "b", "c", "on", "true", "null", "mutation", "query", "fragment", "type", "_", "A1", "if"]
)
VARIABLES = st.sampled_from(["a", "b", "s", "on", "_1"])
FRAGMENTS = st.sampled_from(["F", "G", "H", "true", "query"])
NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?\Z")
STRINGS = st.lists(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters='"\\\r\n'),
        st.sampled_from([r"\n", r"\"", r"\\", r"\/", r"\u00e9", r"\uD83D\ude00", r"\u{1F600}"]),
    ),
    max_size=6,
).map(lambda pieces: '"' + "".join(pieces) + '"')
PARTS = ["\n", "\r\n", "\r", " ", "  ", "\t", "a", '"b', '""c', "\\n", '\\"""', "é"]
BLOCKS = st.lists(st.sampled_from(PARTS), max_size=12).map(
    lambda pieces: '"""' + "".join(pieces) + '"""'
)
LEAVES = st.one_of(
    NUMBERS, STRINGS, BLOCKS, st.sampled_from(["true", "false", "null", "GOLD", "on", "mutation"])
).map(lambda token: [token])
DOLLARS = VARIABLES.map(lambda name: ["$", name])
SEPARATORS = st.lists(
    st.sampled_from(
        ["", "", "", " ", "\n", ",", "\t", "\r\n", "\r", "\ufeff", ' #"{\n', ",,#\r", '#"""\n#\n']
    ),
    min_size=1,
    max_size=12,
)
PUNCTUATION = frozenset("!$():=@[]{}") | {"..."}
Tokens = list[str]
NOTHING: st.SearchStrategy[Tokens] = st.just([])


def joined(parts: Sequence[Tokens]) -> Tokens:
    """One list of tokens."""
    return [token for part in parts for token in part]


def containers(values: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    """Lists and objects of values."""
    fields = st.tuples(NAMES, values).map(lambda field: [field[0], ":", *field[1]])
    return st.one_of(
        st.lists(values, max_size=3).map(lambda items: ["[", *joined(items), "]"]),
        st.lists(fields, max_size=3).map(lambda items: ["{", *joined(items), "}"]),
    )


CONSTANTS = st.recursive(LEAVES, containers, max_leaves=4)
ANY_VALUES = st.recursive(LEAVES | DOLLARS, containers, max_leaves=4)


def arguments(values: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    """None, or some in parentheses."""
    pairs = st.tuples(NAMES, values).map(lambda pair: [pair[0], ":", *pair[1]])
    some = st.lists(pairs, min_size=1, max_size=3).map(lambda items: ["(", *joined(items), ")"])
    return NOTHING | some


def directives(values: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    """Mostly none, or those that leave a selection out, or any."""
    condition = st.sampled_from([["true"], ["false"], ["$", "s"], ["$", "b"]])
    leaving = st.tuples(st.sampled_from(["skip", "include"]), condition).map(
        lambda pair: ["@", pair[0], "(", "if", ":", *pair[1], ")"]
    )
    other = st.tuples(NAMES, arguments(values)).map(lambda pair: ["@", pair[0], *pair[1]])
    some = st.lists(leaving | other, min_size=1, max_size=2).map(joined)
    return st.integers(0, 3).flatmap(lambda dice: NOTHING if dice else some)


DIRECTIVES = directives(ANY_VALUES)
CONSTANT_DIRECTIVES = directives(CONSTANTS).filter(lambda tokens: "$" not in tokens)


def selection_sets(inner: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    """Fields, spreads and inline fragments in braces; below them, what is given."""
    alias = NOTHING | NAMES.map(lambda name: [name, ":"])
    name = NAMES.map(lambda name: [name])
    condition = NOTHING | NAMES.map(lambda name: ["on", name])
    spread = FRAGMENTS.map(lambda name: ["...", name])
    selection = st.one_of(
        st.tuples(alias, name, arguments(ANY_VALUES), DIRECTIVES, NOTHING | inner).map(joined),
        st.tuples(spread, DIRECTIVES).map(joined),
        st.tuples(st.just(["..."]), condition, DIRECTIVES, inner).map(joined),
    )
    some = st.integers(0, 9).flatmap(
        lambda dice: st.lists(selection, min_size=dice and 1, max_size=4)
    )
    return some.map(lambda parts: ["{", *joined(parts), "}"])


FLAT = st.just(["{", "a", "}"])
SELECTIONS = selection_sets(selection_sets(FLAT) | FLAT)
DESCRIPTIONS = st.sampled_from([[], [], [], ['"why"'], ['"""how"""']])
TYPES = st.sampled_from([["T"], ["T", "!"], ["[", "on", "]"], ["[", "[", "T", "!", "]", "]", "!"]])


@st.composite
def operation_tokens(draw: st.DrawFn) -> Tokens:
    """An operation with or without name and variables; mostly a mutation."""
    kind = draw(st.sampled_from([*["mutation"] * 8, "query", "subscription"]))
    name = draw(st.sampled_from([[], ["M"], ["M"], ["M"], ["on"]]))
    variables = []
    for variable in draw(st.lists(VARIABLES, max_size=3)):
        default = draw(NOTHING | CONSTANTS.map(lambda value: ["=", *value]))
        head = [*draw(DESCRIPTIONS), "$", variable, ":", *draw(TYPES)]
        variables += [*head, *default, *draw(CONSTANT_DIRECTIVES)]
    listed = ["(", *variables, ")"] if variables else []
    head = [*draw(DESCRIPTIONS), kind, *name, *listed, *draw(DIRECTIVES)]
    return [*head, *draw(SELECTIONS)]


FRAGMENT_TOKENS = st.tuples(DESCRIPTIONS, FRAGMENTS, NAMES, DIRECTIVES, SELECTIONS).map(
    lambda parts: [*parts[0], "fragment", parts[1], "on", parts[2], *parts[3], *parts[4]]
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document that is well-formed, with anything between its tokens that may be there."""
    parts = [draw(operation_tokens()), *draw(st.lists(FRAGMENT_TOKENS, max_size=3))]
    if draw(st.integers(0, 5)) == 0:
        parts.append(draw(operation_tokens() | SELECTIONS))
    tokens = joined(draw(st.permutations(parts)))
    separators = draw(SEPARATORS)
    text = [separators[0]]
    for place, token in enumerate(tokens):
        separator = separators[place % len(separators)]
        before = tokens[place - 1]
        if place and not separator and token not in PUNCTUATION and before not in PUNCTUATION:
            separator = " "
        # A number does not end before a dot.
        text += [" " if token == "..." and not separator else separator, token]
    return "".join([*text, separators[-1]])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=3,
)
GIVEN = st.dictionaries(VARIABLES, st.booleans() | JSON, max_size=4)
OPERATION_NAMES = st.sampled_from([None, None, None, "", "M"])


@given(document=documents(), variables=GIVEN, name=OPERATION_NAMES)
def test_any_document_reads_as_by_graphql_core(
    document: str, variables: dict[str, Any], name: str | None
) -> None:
    """Which is asked whether it parses, too."""
    parse(document)
    found = mutations(document, variables, name)
    assert repr_of(found) == repr_of(evaluated(document, variables, name))


PIECES = st.sampled_from(
    [*PUNCTUATION, *'"\\#.,-01e&|é \na', '"""', '\\"""', "on", "mutation", "fragment", "\\u{"]
) | st.text(max_size=2)


@given(document=documents(), variables=GIVEN, piece=PIECES, data=st.data())
@example(document='mutation{a(b:"""")}', variables={}, piece="", data=None)
def test_damaged_documents(
    document: str, variables: dict[str, Any], piece: str, data: st.DataObject | None
) -> None:
    """One that graphql-core refuses selects nothing; one that it still reads, we read alike."""
    if data is not None:
        start = data.draw(st.integers(0, len(document)))
        end = data.draw(st.integers(start, min(len(document), start + 4)))
        document = document[:start] + piece + document[end:]
    found = mutations(document, variables, None)
    assert repr_of(found) == repr_of(evaluated(document, variables, None))


@given(
    document=st.lists(PIECES, max_size=30).map("".join) | st.text(),
    frame=st.sampled_from([("", ""), ("mutation {", "}"), ("mutation { a(b: ", ") }")]),
)
def test_garbage_does_no_harm(document: str, frame: tuple[str, str]) -> None:
    """It never raises, and selects what graphql-core would see."""
    document = document.join(frame)
    found = mutations(document, {}, None)
    assert repr_of(found) == repr_of(evaluated(document, {}, None))


WORDS = st.sampled_from(["query", "variables", "operationName", "data", "errors", "path", "a"])


@given(body=st.recursive(JSON, lambda one: st.lists(one) | st.dictionaries(WORDS, one)))
def test_any_json_does_no_harm(body: object) -> None:
    """As a request or as an answer."""
    names = frozenset(("a", ""))
    for found in operations(body, names):
        assert found.name in names
    for operation in (Operation(None, "a", "a", {}), Operation(1, None, "a", {})):
        assert isinstance(answer(body, operation, names)[1], bool)


# Requests


LOGIN = {"tokenCreate", "accountRegister"}


def test_a_request() -> None:
    """Fields that were asked for, each with its key and arguments."""
    body = {"query": SALEOR, "variables": TYPED, "operationName": "login"}
    assert operations(body, LOGIN) == [(None, "tokenCreate", "tokenCreate", TYPED)]
    assert operations(body, {"login2"}) == []
    document = 'mutation { x: tokenCreate(email: "a") other y: accountRegister y2: tokenCreate }'
    assert operations({"query": document}, LOGIN) == [
        (None, "x", "tokenCreate", {"email": "a"}),
        (None, "y", "accountRegister", {}),
        (None, "y2", "tokenCreate", {}),
    ]


def test_a_batch() -> None:
    """Each operation is told by its place; what is beyond the bound is not read."""
    one = {"query": SALEOR, "variables": TYPED}
    body = [{"query": "{ shop }"}, one, None, [one], {"query": "mutation { accountRegister }"}]
    found = [
        (1, "tokenCreate", "tokenCreate", TYPED),
        (4, "accountRegister", "accountRegister", {}),
    ]
    assert operations(body, LOGIN) == found
    assert len(operations([one] * MAX_BATCH, LOGIN)) == MAX_BATCH
    assert operations([one] * (MAX_BATCH + 1), LOGIN) == []


def test_a_persisted_operation() -> None:
    """Without its text there is a name and variables."""
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": "00"}}
    body = {"operationName": "tokenCreate", "variables": TYPED, "extensions": persisted}
    assert operations(body, LOGIN) == [(None, None, "tokenCreate", TYPED)]
    assert operations([body, {**body, "query": ""}], LOGIN) == [
        (0, None, "tokenCreate", TYPED),
        (1, None, "tokenCreate", TYPED),
    ]
    assert operations({**body, "operationName": "Other"}, LOGIN) == []
    assert operations({**body, "query": SALEOR}, LOGIN) == []
    assert operations({**body, "query": SALEOR, "operationName": "login"}, LOGIN) != []


def test_an_operation_by_its_own_name() -> None:
    """Only if it selects one field, and none that was asked for: or another's would be taken."""
    names = {"SignIn", "customerSignIn"}
    one = {"query": "mutation SignIn { __typename me: login(email: 1) }"}
    assert operations(one, names) == [(None, "me", "SignIn", {"email": 1})]
    assert operations({**one, "operationName": "SignIn"}, names) != []
    both = {"query": "mutation SignIn { customerSignIn newsletter(email: 2) }"}
    assert operations(both, names) == [(None, "customerSignIn", "customerSignIn", {})]
    assert operations({"query": "mutation SignIn { login newsletter }"}, names) == []
    assert operations({"query": "query SignIn { login }"}, names) == []


@pytest.mark.parametrize(
    "body",
    [
        *(None, 1, "mutation { tokenCreate }", [], {}, {"query": 1}, {"query": ["tokenCreate"]}),
        *({"query": None, "operationName": 1}, {"query": "mutation {", "operationName": "login"}),
        *({"operationName": ["tokenCreate"]}, {"query": SALEOR, "operationName": "logout"}),
        {"query": {}, "operationName": "tokenCreate"},
    ],
    ids=range(12),
)
def test_what_is_no_request(body: object) -> None:
    """Nothing is selected."""
    assert operations(body, LOGIN) == []


def test_odd_variables() -> None:
    """What is no object holds no variable."""
    for variables in (None, "{}", [1], 1):
        assert operations({"query": SALEOR, "variables": variables}, LOGIN) == [
            (None, "tokenCreate", "tokenCreate", {})
        ]


# Answers


def answered(payload: object, *errors: object) -> tuple[object, bool]:
    """What comes of a field `a` that was answered so."""
    document: dict[str, object] = {"data": {"a": payload}}
    if errors:
        document["errors"] = list(errors)
    return answer(document, Operation(None, "a", "login", {}), {"login"})


USER = {"id": "VXNlcjox", "email": JANE}
INVALID = {"field": "email", "message": "Please, enter valid credentials"}
GOOD: dict[str, object] = {
    "saleor": {"token": "eyJ", "user": USER, "errors": []},
    "saleor register": {"requiresConfirmation": False, "user": USER, "accountErrors": []},
    "saleor register, flag alone": {"requiresConfirmation": False, "errors": []},
    "shopify": {"customerAccessToken": {"accessToken": "a"}, "customerUserErrors": []},
    "shopify register": {"customer": USER, "userErrors": [], "customerUserErrors": []},
    "vendure": {"__typename": "CurrentUser", "id": "1", "identifier": JANE},
    "vendure register": {"__typename": "Success", "success": True},
    "vendure, type alone": {"__typename": "CurrentUser"},
    "bigcommerce": {"result": "success", "customer": {"email": JANE}},
    "magento": {"token": "hoyz7k697ubv5hcpq92yrtx39i7x10um"},
    "magento register": {"customer": {"email": JANE}},
    "commercetools": {"customer": {"email": JANE}, "cart": None},
    "woographql": {"authToken": "eyJ", "user": {"email": JANE}, "clientMutationId": "1"},
    "graphql-jwt": {"token": "eyJ", "payload": {"username": "jane"}, "refreshExpiresIn": 1},
    "django-graphql-auth": {"success": True, "errors": None, "token": "eyJ"},
    "errors alone": {"errors": []},
    "relay's id alone": {"clientMutationId": None},
    "errors of nothing": {"errors": {"email": None}, "error": "", "errorCode": None},
    "true": True, "text": "eyJ", "number": 1, "list": [USER],
}  # fmt: skip


@pytest.mark.parametrize("payload", GOOD.values(), ids=GOOD)
def test_successes(payload: object) -> None:
    """The payload, and that it did not fail."""
    assert answered(payload) == (payload, False)
    assert answered(payload, {"message": "deprecated"}, {"path": ["b"]}, None) == (payload, False)


BAD: dict[str, object] = {
    "saleor": {"token": None, "user": None, "errors": [INVALID]},
    "saleor, errors not asked for": {"token": None, "user": None},
    "saleor, no error told": {"token": None, "user": None, "errors": []},
    "saleor 2": {"token": None, "accountErrors": [INVALID]},
    "shopify": {"customerAccessToken": None, "customerUserErrors": [{"code": "NOT_FOUND"}]},
    "shopify, no error told": {"customerAccessToken": None, "customerUserErrors": []},
    "shopify register": {"customer": None, "userErrors": [INVALID]},
    "vendure": {"__typename": "InvalidCredentialsError", "errorCode": "INVALID_CREDENTIALS_ERROR"},
    "vendure, no type": {"errorCode": "INVALID_CREDENTIALS_ERROR", "message": "No"},
    "vendure, type alone": {"__typename": "NotVerifiedError"},
    "vendure, nothing of it": {},
    "bigcommerce": None,
    "magento": None,
    "commercetools": {"customer": None},
    "woographql": {"authToken": None, "user": None, "clientMutationId": "1"},
    "django-graphql-auth": {"success": False, "errors": {"email": [INVALID]}, "token": None},
    "flag": {"success": False, "message": "No"},
    "ok": {"ok": False, "user": USER},
    "error": {"error": "no", "user": USER},
    "error's object": {"error": {"code": 0, "message": "no"}, "user": USER},
    "error is true": {"error": True, "user": USER},
    "field errors": {"user": USER, "fieldErrors": [INVALID]},
    "user_errors": {"user": USER, "user_errors": [INVALID]},
    "own name": {"user": USER, "loginErrors": [INVALID]},
    "pothos": {"__typename": "MutationLoginErrors", "issues": [1]},
    "failure": {"__typename": "LoginFailure", "reason": "no"},
    "invalid": {"__typename": "CredentialsInvalid", "reason": "no"},
    "empty": {"token": "", "roles": [], "user": {}},
    "false": False, "no text": "", "no list": [], "zero": 0,
}  # fmt: skip


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD)
def test_failures(payload: object) -> None:
    """Whatever the status was."""
    assert answered(payload) == (payload, True)


def test_an_error_with_a_path() -> None:
    """It belongs to the field that its path begins with."""
    for own in (["a"], ["a", "user", 0]):
        assert answered({"token": "eyJ"}, {"message": "no", "path": own})[1]
    for other in (["b"], ["b", "a"], [], None, "a", [["a"]]):
        assert not answered({"token": "eyJ"}, {"message": "no", "path": other})[1]
    for odd in ({"path": ["a"]}, "no", 1, None):
        document: dict[str, object] = {"data": {"a": True}, "errors": odd}
        assert answer(document, Operation(None, "a", "a", {}), ()) == (True, False)


@pytest.mark.parametrize(
    "document",
    [
        *(None, 1, "x", [], {}, {"data": None}, {"data": []}, {"data": {}}, {"data": {"b": True}}),
        *([{"data": {"a": True}}], {"errors": [{"message": "PersistedQueryNotFound"}]}),
        {"errors": [{"message": "no"}], "data": None},
    ],
    ids=range(12),
)
def test_without_data_it_failed(document: object) -> None:
    """The server did not execute it, or it was no GraphQL server."""
    assert answer(document, Operation(None, "a", "a", {}), {"a"}) == (None, True)


def test_answers_of_a_batch() -> None:
    """By their place."""
    document = [{"data": {"a": True}}, {"data": {"a": False}}, None]
    for index, expected in enumerate([(True, False), (False, True), (None, True), (None, True)]):
        assert answer(document, Operation(index, "a", "a", {}), {"a"}) == expected
    assert answer(document[0], Operation(0, "a", "a", {}), {"a"}) == (None, True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"Login": 1, "tokenCreate": 2}, 1),
        ({"tokenCreate": 2, "newsletter": 3}, 2),
        ({"__typename": "Mutation", "customerSignIn": 4}, 4),
        ({"tokenCreate": 2, "accountRegister": 3}, None),
        ({"customerSignIn": 4, "newsletter": 3}, None),
        ({"__typename": "Mutation"}, None),
        ({}, None),
    ],
    ids=range(7),
)
def test_the_answer_of_a_persisted_operation(data: dict[str, Any], expected: object) -> None:
    """Its field is the one that was asked for, or the only one; of several it is none."""
    names = {"Login", "tokenCreate", "accountRegister"}
    found = answer({"data": data}, Operation(None, None, "Login", {}), names)
    assert found == (expected, expected is None)


SCHEMA = build_schema("""
  type Query { shop: String }
  type User { email: String }
  type Payload { token: String user: User errors: [String!]! }
  type InvalidCredentialsError { message: String! }
  union Result = User | InvalidCredentialsError
  input Credentials { email: String! password: String! }
  type Mutation {
    tokenCreate(email: String!, password: String!): Payload
    login(input: Credentials!): Result
    tokenAuth(email: String!, password: String = "none"): Payload
  }
""")


Info = GraphQLResolveInfo[Any]


def accepts(password: str) -> bool:
    """The one password of the shop below."""
    return password == "right"


class Shop:
    """Resolvers in three styles: errors as data, a union, an exception."""

    def tokenCreate(self, info: Info, email: str, password: str) -> Any:  # noqa: N802 - names of the schema
        if accepts(password):
            return {"token": "eyJ", "user": {"email": email}, "errors": []}
        return {"token": None, "user": None, "errors": ["no"]}

    def login(self, info: Info, input: Mapping[str, str]) -> Any:
        if accepts(input["password"]):
            return {"__typename": "User", "email": input["email"]}
        return {"__typename": "InvalidCredentialsError", "message": "no"}

    def tokenAuth(self, info: Info, email: str, password: str) -> Any:  # noqa: N802 - names of the schema
        if accepts(password):
            return {"token": "eyJ", "user": {"email": email}, "errors": []}
        message = "no"
        raise GraphQLError(message)


SHAPES = [
    "tokenCreate(email: $email, password: $password) { token user { email } errors }",
    "tokenCreate(email: $email, password: $password) { token }",
    "me: tokenCreate(password: $password email: $email) { errors }",
    "login(input: { email: $email, password: $password }) { __typename ... on User { email } }",
    "login(input: { email: $email password: $password }) { ... on User { email } }",
    "... on Mutation { tokenAuth(email: $email, password: $password) { user { email } } }",
]


@pytest.mark.parametrize("selection", SHAPES, ids=range(6))
@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_real_server(selection: str, inline: bool, password: str) -> None:
    """What graphql-core executes and answers: who logged in, and who did not."""
    variables = {"email": JANE, "password": password}
    document = "mutation M($email: String!, $password: String!) {" + selection + "}"
    if inline:
        document = "mutation M {" + selection + "}"
        for name, value in variables.items():
            document = document.replace(f"${name}", f'"{value}"')
        variables = {}
    result = graphql_sync(SCHEMA, document, Shop(), variable_values=variables)
    names = {"tokenCreate", "login", "tokenAuth"}
    (operation,) = operations({"query": document, "variables": variables}, names)
    typed = operation.arguments.get("input", operation.arguments)
    assert typed == {"email": JANE, "password": password}
    assert answer(result.formatted, operation, names)[1] is (password != "right")


def test_nothing_private_in_a_repr() -> None:
    """Names, never values."""
    document = f'mutation {{ tokenCreate(email: "{JANE}", password: "s3cret", in: {{x: "y"}}) }}'
    text = repr(mutations(document, {}, None))
    assert text == "[Selected('tokenCreate', 'tokenCreate', arguments=['email', 'password', 'in'])]"
    text = repr(operations({"query": document}, LOGIN))
    arguments = "arguments=['email', 'password', 'in']"
    assert text == f"[Operation(None, 'tokenCreate', 'tokenCreate', {arguments})]"
