"""Pages out of templates."""

from functools import partial
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.templating import Jinja2Templates

from shop.catalog import MEMBER_DISCOUNT_PERCENT
from shop.sessions import current_user, form_token

HERE = Path(__file__).parent
TEMPLATES = Jinja2Templates(directory=HERE / "templates")
TEMPLATES.env.globals["member_discount"] = MEMBER_DISCOUNT_PERCENT


async def page(request: Request, template: str, status: int = 200, **context: object) -> Response:
    """Render a page for whoever is logged in."""
    user = await current_user(request)
    everywhere = {"user": user, "form_token": partial(form_token, request)}
    return TEMPLATES.TemplateResponse(
        request,
        template,
        {**everywhere, **context},
        status_code=status,
        headers={"cache-control": "private, no-store" if user else "private, no-cache"},
    )


async def error_response(request: Request, error: Exception) -> Response:
    """Answer an HTTP error in the language of the asker: JSON below `/api/`, else a page."""
    if not isinstance(error, HTTPException):
        raise error
    if request.url.path.startswith("/api/"):
        body = {"error": error.detail}
        return JSONResponse(body, status_code=error.status_code, headers=error.headers)
    response = await page(request, "error.html", error.status_code, detail=error.detail)
    response.headers.update(error.headers or {})
    return response
