"""The shop as an ASGI app: `uvicorn shop.main:app --app-dir examples`."""

import os

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from shop import api, doors, pages
from shop.accounts import Accounts
from shop.rendering import HERE, error_response
from shop.settings import Settings
from shop.storage import Database
from shop.stream import stock_stream

ROUTES = [
    Route("/", pages.home),
    Route("/product/{slug}", pages.product),
    Route("/account", pages.account),
    Route("/register", doors.register_form, methods=["GET"]),
    Route("/register", doors.register, methods=["POST"]),
    Route("/login", doors.login_form, methods=["GET"]),
    Route("/login", doors.login, methods=["POST"]),
    Route("/logout", doors.logout, methods=["POST"]),
    Route("/api/register", api.register, methods=["POST"]),
    Route("/api/login", api.login, methods=["POST"]),
    Route("/api/me", api.me),
    Route("/api/products", api.products),
    Route("/api/search", api.find_products),
    Route("/stock/stream", stock_stream),
    Route("/healthz", pages.health),
    Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
]


def create_app(settings: Settings) -> Starlette:
    """Open the shop."""
    database = Database(settings.database)
    database.prepare()
    session = Middleware(SessionMiddleware, secret_key=settings.secret, session_cookie="quillamoor")
    app = Starlette(
        routes=ROUTES,
        middleware=[session],
        exception_handlers={HTTPException: error_response},
    )
    app.state.accounts = Accounts(database, settings.scrypt_n)
    return app


app = create_app(Settings.from_environment(os.environ))
