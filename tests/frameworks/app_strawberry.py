"""A GraphQL shop with strawberry on FastAPI: a route, and all its operations."""

import secrets

import strawberry
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter
from strawberry.schema.config import StrawberryConfig


@strawberry.type
class User:
    """A customer."""

    id: strawberry.ID
    email: str
    first_name: str


@strawberry.type
class Error:
    """What is wrong with what was given."""

    field: str
    message: str


@strawberry.type
class Payload:
    """What came of an operation."""

    errors: list[Error]
    token: str | None = None
    user: User | None = None


@strawberry.input
class Account:
    """What a customer registers with."""

    email: str
    password: str
    first_name: str = ""


users: dict[str, tuple[User, str]] = {}


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def me(self) -> User:
        """Who I am, whoever asks."""
        return User(id=strawberry.ID("9"), email="somebody@example.com", first_name="Somebody")

    @strawberry.field
    def products(self) -> list[str]:
        """What is sold."""
        return ["chair"]


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    def token_create(self, email: str, password: str) -> Payload:
        """Log in."""
        user, right = users.get(email.lower(), (None, ""))
        if user is None or password != right:
            return Payload(errors=[Error(field="email", message="wrong")])
        return Payload(errors=[], token=secrets.token_urlsafe(24), user=user)

    @strawberry.mutation
    def account_register(self, input: Account) -> Payload:
        """Register."""
        if "@" not in input.email:
            raise ValueError("no address")
        if input.email.lower() in users:
            return Payload(errors=[Error(field="email", message="taken")])
        number = strawberry.ID(str(len(users) + 1))
        user = User(id=number, email=input.email, first_name=input.first_name)
        users[input.email.lower()] = (user, input.password)
        return Payload(errors=[], user=user)

    @strawberry.mutation
    def login(self, email: str, password: str) -> User | None:
        """Log in, as other schemas have it."""
        user, right = users.get(email.lower(), (None, ""))
        return user if user is not None and password == right else None

    @strawberry.mutation
    def token_refresh(self, email: str) -> Payload:
        """A new token for an old one."""
        return Payload(errors=[], token=secrets.token_urlsafe(24), user=users[email.lower()][0])

    @strawberry.mutation
    def request_password_reset(self, email: str) -> Payload:
        """A mail with a link."""
        return Payload(errors=[])


config = StrawberryConfig(batching_config={"max_operations": 5})
app = FastAPI()
app.include_router(
    GraphQLRouter(strawberry.Schema(Query, Mutation, config=config)), prefix="/graphql"
)
