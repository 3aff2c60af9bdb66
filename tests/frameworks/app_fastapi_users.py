"""fastapi-users as its documentation shows it: SQLAlchemy, a bearer and a cookie login."""

import os
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import (
    AuthenticationBackend,
    BearerTransport,
    CookieTransport,
    JWTStrategy,
)
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SECRET = "a-signing-key-of-more-than-thirty-two-bytes"
# Fast, for tests: the usual cost is a tenth of a second each.
PASSWORDS = PasswordHelper(PasswordHash([Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)]))
MAILED = Path(os.environ["SHOP_DIRECTORY"]) / "mailed"
engine = create_async_engine(f"sqlite+aiosqlite:///{os.environ['SHOP_DIRECTORY']}/users.db")
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """Of all tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """A customer."""

    first_name: Mapped[str | None] = mapped_column(String(100), default=None)
    last_name: Mapped[str | None] = mapped_column(String(100), default=None)


class UserRead(schemas.BaseUser[uuid.UUID]):
    """What the API tells of a customer."""

    first_name: str | None = None
    last_name: str | None = None


class UserCreate(schemas.BaseUserCreate):
    """What a customer registers with."""

    first_name: str | None = None
    last_name: str | None = None


class UserUpdate(schemas.BaseUserUpdate):
    """What a customer may change."""

    first_name: str | None = None


async def get_user_db() -> AsyncGenerator[Any, None]:
    """The table of users."""
    async with sessions() as session:
        yield SQLAlchemyUserDatabase[User, uuid.UUID](session, User)


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """Who makes and finds users."""

    reset_password_token_secret = SECRET
    verification_token_secret = SECRET

    async def on_after_forgot_password(
        self, user: User, token: str, request: Request | None = None
    ) -> None:
        """A mail with a link."""
        MAILED.write_text(token)

    async def on_after_request_verify(
        self, user: User, token: str, request: Request | None = None
    ) -> None:
        """A mail with a link."""
        MAILED.write_text(token)


async def get_user_manager(
    user_db: Annotated[Any, Depends(get_user_db)],
) -> AsyncGenerator[UserManager, None]:
    """The manager of a request."""
    yield UserManager(user_db, PASSWORDS)


def strategy() -> Any:
    """Tokens are JWTs."""
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


bearer = AuthenticationBackend(
    name="jwt", transport=BearerTransport(tokenUrl="auth/jwt/login"), get_strategy=strategy
)
cookie = AuthenticationBackend(
    name="cookie", transport=CookieTransport(cookie_secure=False), get_strategy=strategy
)
users = FastAPIUsers[User, uuid.UUID](get_user_manager, [bearer, cookie])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
app.include_router(users.get_auth_router(bearer), prefix="/auth/jwt")
app.include_router(users.get_auth_router(cookie), prefix="/auth/cookie")
app.include_router(users.get_register_router(UserRead, UserCreate), prefix="/auth")
app.include_router(users.get_reset_password_router(), prefix="/auth")
app.include_router(users.get_verify_router(UserRead), prefix="/auth")
app.include_router(users.get_users_router(UserRead, UserUpdate), prefix="/users")


@app.get("/products")
async def products() -> list[dict[str, str]]:
    """What is sold; the seller's address is nobody's login."""
    return [{"name": "chair", "contact": "seller@example.com"}]


@app.get("/admin/users", response_model=list[UserRead])
async def customers() -> Any:
    """All customers."""
    async with sessions() as session:
        return (await session.scalars(select(User))).unique().all()


__all__ = ["AsyncSession", "app"]
