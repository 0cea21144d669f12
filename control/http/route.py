"""A route's declaration and what its handler is given.

A handler takes one ``Asked`` and returns plain JSON values (or a finished ``web.StreamResponse``). What it accepts is
declared beside it, so that the same table gives the router, the checks and the OpenAPI description.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from ..auth import Actor, Role
from ..errors import Invalid, NotFound
from .errors import Malformed

if TYPE_CHECKING:
    from ..auth.sessions import Session
    from .deps import Deps

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """What a client sends. An unknown field is refused, so that a misspelt one isn't silently without effect."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Access(Enum):
    PUBLIC = "public"  # nobody needs to be signed in
    SESSION = "session"  # signed in, even while the one-time password has not been changed yet
    MEMBER = "member"  # signed in
    SUPERVISOR = "supervisor"
    ADMIN = "admin"

    @property
    def role(self) -> Role | None:
        return {Access.SUPERVISOR: Role.SUPERVISOR, Access.ADMIN: Role.ADMIN}.get(self)


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Callable[[Asked], Awaitable[Any]]
    access: Access = Access.MEMBER
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200

    @property
    def about(self) -> str:
        return " ".join((self.handler.__doc__ or "").split())


@dataclass(slots=True)
class Asked:
    """One request, checked: who asks and what."""

    request: web.Request
    deps: Deps
    session: Session | None
    body_: BaseModel | None = None
    query_: BaseModel | None = None

    @property
    def actor(self) -> Actor:
        """Who asks. Only for routes that need a session; the middleware has seen to it."""
        assert self.session is not None
        return self.session.actor

    def body(self, model: type[M]) -> M:
        assert isinstance(self.body_, model)
        return self.body_

    def query(self, model: type[M]) -> M:
        assert isinstance(self.query_, model)
        return self.query_

    def id(self, name: str) -> UUID:
        """The UUID in the path.

        Raises:
            NotFound: it is none, so nothing has it.
        """
        try:
            return UUID(self.request.match_info[name])
        except ValueError:
            raise NotFound(f"no such {name.removesuffix('_id')}") from None


async def read_body(request: web.Request, model: type[M]) -> M:
    """The request's JSON as *model*.

    Raises:
        Invalid: a field is missing, unknown or refused; ``field`` is its full path (``history.0.role``).
        web.HTTPException: 400 not JSON, 413 too large, 415 another type (which also keeps HTML forms out).
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json")
    try:
        value = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise Malformed(text="the body is not JSON") from error
    if not isinstance(value, dict):
        raise Malformed(text="the body is not a JSON object")
    return checked(model, value)


def read_query(request: web.Request, model: type[M]) -> M:
    """The query's parameters as *model*; an empty one (``?status=``) counts as not given. Raises Invalid."""
    return checked(model, {key: value for key, value in request.query.items() if value != ""})


def checked(model: type[M], value: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{field}: {first['msg']}" if field else first["msg"], field=field or None) from error
