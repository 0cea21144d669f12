"""The built console: files with a hash in their name are kept by browsers, the page itself is asked for anew.

Whatever is no file and no API is a place inside the console: it gets the page (``index.html``).
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from .deps import DEPS
from .errors import from_http
from .files import below

NOT_BUILT = """<!doctype html><html lang="pt-BR"><meta charset="utf-8"><title>Attendance</title>
<body style="font-family:sans-serif;max-width:40rem;margin:4rem auto;line-height:1.5">
<h1>O console ainda não foi construído</h1>
<p>O servidor está no ar, mas falta a página. Na pasta do projeto:</p>
<pre>./dev run</pre>
<p>The server is up, but its web console has not been built; <code>./dev run</code> builds it.</p></body></html>
"""
FOR_EVER = "public, max-age=31536000, immutable"


async def page(request: web.Request) -> web.StreamResponse:
    """A file of the console, or its page."""
    path = request.path
    if path.startswith(("/api/", "/ws/", "/health/")) or path == "/api":
        return from_http(web.HTTPNotFound(text="there is no such address"))
    root = request.app[DEPS].console_dir
    file = await asyncio.to_thread(below, root, path)
    if file is not None:
        kept = FOR_EVER if path.startswith("/assets/") else "no-cache"
        return web.FileResponse(file, headers={"Cache-Control": kept})
    if path.startswith("/assets/") or "." in path.rpartition("/")[2]:
        return from_http(web.HTTPNotFound(text="there is no such file"))
    index = await asyncio.to_thread(below, root, "/index.html")
    if index is None:
        return web.Response(text=NOT_BUILT, content_type="text/html", status=503, headers={"Retry-After": "30"})
    return web.FileResponse(index, headers={"Cache-Control": "no-cache"})
