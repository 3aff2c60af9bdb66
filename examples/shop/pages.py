"""The pages that only show something."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from shop.catalog import BY_SLUG, PRODUCTS, search, stock, stock_levels
from shop.rendering import page
from shop.sessions import current_user
from shop.stream import current_tick


async def home(request: Request) -> Response:
    """`GET /`: the shelf, or what a search finds on it."""
    words = request.query_params.get("q", "").strip()
    levels = stock_levels(current_tick())
    return await page(request, "home.html", products=search(words), words=words, levels=levels)


async def product(request: Request) -> Response:
    """`GET /product/{slug}`: one thing, and some others."""
    found = BY_SLUG.get(request.path_params["slug"])
    if found is None:
        raise HTTPException(404, "We do not sell that, or not any more.")
    start = PRODUCTS.index(found) + 1
    others = (PRODUCTS + PRODUCTS)[start : start + 4]
    left = stock(found.slug, current_tick())
    return await page(request, "product.html", product=found, others=others, left=left)


async def account(request: Request) -> Response:
    """`GET /account`: what the shop knows about the customer."""
    if await current_user(request) is None:
        return RedirectResponse("/login?next=/account", 303)
    return await page(request, "account.html")


async def health(request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return JSONResponse({"status": "ok"})
