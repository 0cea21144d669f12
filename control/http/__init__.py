"""The REST door: parse, ask an action, render. It decides nothing and imports no domain's tables.

app.py        build_app: routes, middlewares, what they share
route.py      Route and Asked: a handler's declaration and what it is given
middleware.py request ids, the error table's use, sign-in, CSRF, security headers, counting
errors.py     domain error -> HTTP status, one table
routes/       the handlers, one file a subject
server.py     listening
openapi.py    the description, generated from the routes
console.py    the built console's files
files.py      recordings, with ranges
"""

from .app import build_app
from .server import listening

__all__ = ["build_app", "listening"]
