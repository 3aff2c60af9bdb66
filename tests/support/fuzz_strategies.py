"""Structured exchanges for hypothesis, in the form that `fuzz_target` takes."""

import orjson
from hypothesis import strategies as st

from fuzz_target import CODINGS, ROUTES, STATUSES, TYPES

#: Stands wherever a secret stands; leaves under no name.
MARKED = "Pa55-Marked-Value"
KEYS = st.sampled_from(
    [
        *["email", "user", "data", "customer", "id", "firstName", "last_name", "phone", "address"],
        *["username", "errors", "error", "success", "status", "tokenCreate", "uid", "attributes"],
        *["profile", "company", "flows", "0", "city", "sub", "name", "locale", "query", "_wrapped"],
        *["variables", "operationName", "me", "account", "type", "result", "isDefault", "mfa"],
    ]
)
SECRET_KEYS = st.sampled_from(
    ["password", "newPassword", "token", "access_token", "refreshToken", "secret", "csrf", "otp"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["jane@example.com", "JOE@Example.com", "7", "eyJhbGciOiJub25lIn0.e30."])
)
MUTATION = 'mutation L { tokenCreate(email: "jane@example.com") { token user { email } } }'


def documents() -> st.SearchStrategy[object]:
    """JSON documents of the names that mean something, with secrets under the names of secrets."""
    return st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.builds(
                lambda plain, secret: {**plain, **dict.fromkeys(secret, MARKED)},
                st.dictionaries(KEYS, inner, max_size=5),
                st.lists(SECRET_KEYS, max_size=2),
            )
            | st.just({"query": MUTATION})
        ),
        max_leaves=15,
    )


@st.composite
def inputs(draw: st.DrawFn) -> tuple[list[int], list[bytes], int]:
    """An exchange's choices, its parts and the size of its pieces."""
    picks = [
        draw(st.integers(0, len(one) - 1)) for one in (ROUTES, TYPES, TYPES, STATUSES, CODINGS)
    ]
    request = orjson.dumps(draw(documents()))
    answer = orjson.dumps(draw(documents()))
    around = orjson.dumps(draw(documents()))
    headers = f"cookie: sid={MARKED}\nset-cookie: sid={MARKED}; Path=/\nauthorization: {MARKED}"
    return picks, [request, answer, headers.encode(), around], draw(st.integers(1, 20))
