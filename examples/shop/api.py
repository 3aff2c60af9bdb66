"""The same shop for programs: JSON in, JSON out."""

import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shop.accounts import User
from shop.catalog import PRODUCTS, Product, search, stock
from shop.registration import Registration
from shop.sessions import accounts_of, current_user
from shop.stream import current_tick

MAX_BODY_BYTES = 16 * 1024
FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "email": "email",
    "password": "password",
}


async def register(request: Request) -> Response:
    """`POST /api/register`: 201 with the user, 409 when the address is taken, 422 when wrong."""
    registration = Registration.from_fields(await _read_object(request), FIELDS)
    if problems := registration.problems():
        fields = {FIELDS[name]: problem for name, problem in problems.items()}
        return JSONResponse({"error": "Some fields are not right.", "fields": fields}, 422)
    user = await accounts_of(request).register(registration)
    if user is None:
        raise HTTPException(409, "There is already an account with this e-mail address.")
    return JSONResponse({"user": _user_json(user)}, 201)


async def login(request: Request) -> Response:
    """`POST /api/login`: 200 with a token for `Authorization: Bearer`, or 401."""
    body = await _read_object(request)
    email, password = body.get("email"), body.get("password")
    user = None
    if isinstance(email, str) and isinstance(password, str):
        user = await accounts_of(request).authenticate(email, password)
    if user is None:
        raise HTTPException(401, "That e-mail address and password do not belong together.")
    token = await accounts_of(request).issue_token(user)
    headers = {"cache-control": "no-store"}
    return JSONResponse({"token": token, "user": _user_json(user)}, headers=headers)


async def me(request: Request) -> Response:
    """`GET /api/me`: whose token or session this is, or 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        user = await accounts_of(request).token_owner(token.strip())
    else:
        user = await current_user(request)
    if user is None:
        raise HTTPException(401, "Please log in.", headers={"www-authenticate": "Bearer"})
    return JSONResponse({"user": _user_json(user)}, headers={"cache-control": "no-store"})


async def products(request: Request) -> Response:
    """`GET /api/products`: everything on the shelf."""
    return JSONResponse({"products": _products_json(PRODUCTS)})


async def find_products(request: Request) -> Response:
    """`GET /api/search?q=`: the products in which every word of the query occurs."""
    query = request.query_params.get("q", "").strip()
    return JSONResponse({"query": query, "products": _products_json(search(query))})


async def _read_object(request: Request) -> dict[str, object]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, "The body is too large.")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON.") from None
    if not isinstance(parsed, dict):
        raise HTTPException(400, "The body is not a JSON object.")
    return parsed


def _user_json(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
    }


def _products_json(found: tuple[Product, ...] | list[Product]) -> list[dict[str, object]]:
    tick = current_tick()
    return [
        {
            "slug": product.slug,
            "name": product.name,
            "description": product.description,
            "priceCents": product.price_cents,
            "currency": "EUR",
            "stock": stock(product.slug, tick),
        }
        for product in found
    ]
