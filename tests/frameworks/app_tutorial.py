"""FastAPI as its tutorial shows it: the password flow with JWTs, forms with files, two factors."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, Form, HTTPException, UploadFile
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel

SECRET_KEY = "a-signing-key-of-more-than-thirty-two-bytes"
app = FastAPI()
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")
users: dict[str, dict[str, Any]] = {}
waiting: dict[str, str] = {}


class Token(BaseModel):
    """What a login answers."""

    access_token: str
    token_type: str


class Login(BaseModel):
    """What a customer logs in with."""

    email: str
    password: str


class Code(BaseModel):
    """The second factor."""

    ticket: str
    otp: str


def checked(username: str, password: str) -> dict[str, Any]:
    """The user whose password it is."""
    user = users.get(username.lower())
    if user is None or user["password"] != password:
        raise HTTPException(401, "Incorrect username or password")
    return user


@app.post("/token")
async def login_for_access_token(
    form_data: Annotated[OAuth2PasswordRequestForm, Depends()],
) -> Token:
    """As in the tutorial."""
    user = checked(form_data.username, form_data.password)
    expire = datetime.now(UTC) + timedelta(minutes=15)
    claims = {"sub": user["email"], "exp": expire}
    return Token(access_token=jwt.encode(claims, SECRET_KEY, "HS256"), token_type="bearer")


@app.get("/users/me")
async def read_users_me(token: Annotated[str, Depends(oauth2_scheme)]) -> dict[str, str]:
    """Who I am."""
    email = jwt.decode(token, SECRET_KEY, algorithms=["HS256"])["sub"]
    return {"email": email}


@app.get("/admin/users")
async def customers() -> list[dict[str, str]]:
    """All customers."""
    return [{"email": user["email"]} for user in users.values()]


@app.post("/forgot-password")
async def forgot_password(email: Annotated[str, Form()]) -> dict[str, Any]:
    """A mail with a link."""
    return {"user": {"email": email}, "message": "sent"}


@app.post("/register", status_code=201)
async def register(
    email: Annotated[str, Form()],
    password: Annotated[str, Form()],
    first_name: Annotated[str, Form()],
    avatar: UploadFile,
) -> dict[str, Any]:
    """A form with a picture."""
    if email.lower() in users or "@" not in email:
        raise HTTPException(409, "taken")
    users[email.lower()] = {"email": email, "password": password, "first_name": first_name}
    return {"message": "welcome", "size": len(await avatar.read())}


@app.post("/login")
async def login(typed: Login) -> dict[str, Any]:
    """The first factor."""
    user = checked(typed.email, typed.password)
    ticket = f"ticket-{len(waiting)}-of-some-length"
    waiting[ticket] = user["email"]
    return {"mfa_required": True, "mfa_token": ticket, "user": {"email": user["email"]}}


@app.post("/login/verify")
async def verify(code: Code) -> dict[str, Any]:
    """The second."""
    if code.otp != "48291377" or code.ticket not in waiting:
        raise HTTPException(401, "wrong code")
    user = users[waiting.pop(code.ticket).lower()]
    return {"user": {"email": user["email"], "first_name": user["first_name"]}}
