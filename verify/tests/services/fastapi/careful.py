"""A FastAPI service that keeps every promise of profiles/examples/fastapi.toml."""

import sqlite3
from datetime import datetime, timezone
from uuid import uuid4

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders

ORIGINS = ["https://app.example.com", "https://www.example.org"]

api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


# One route for both methods: beside `@api.get`, `Allow` would leave a separate `@api.head` out.
@api.api_route("/health", methods=["GET", "HEAD"])
def health():
    connected = database_answers()
    body = {
        "status": "ok" if connected else "unhealthy",
        "database": "connected" if connected else "disconnected",
        "environment": "production",
        "timestamp": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
    }
    return JSONResponse(body, status_code=200 if connected else 503)


def database_answers():
    """A placeholder: a real query to SQLite in memory, which has no server that can fail."""
    try:
        with sqlite3.connect(":memory:") as database:
            return database.execute("SELECT 1").fetchone() == (1,)
    except sqlite3.Error:
        return False


class Cors:
    """CORSMiddleware for the declared origins only.

    Undeclared origins would be refused too, but with `Access-Control-Allow-Credentials` and, to preflights, the policy.
    """

    def __init__(self, app):
        self.app = app
        self.granting = CORSMiddleware(
            app,
            allow_origins=ORIGINS,
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["x-request-id"],
            max_age=600,
        )

    async def __call__(self, scope, receive, send):
        # All lines, and exactly one: Starlette reads the first of two.
        origins = Headers(scope=scope).getlist("origin") if scope["type"] == "http" else []
        if len(origins) == 1 and origins[0] in ORIGINS:
            await self.granting(with_one_list(scope), receive, send)
        else:
            await self.app(scope, receive, send)


def with_one_list(scope):
    """Access-Control-Request-Headers as one line without empty elements: Starlette reads no other form."""
    name = "access-control-request-headers"
    lines = Headers(scope=scope).getlist(name)
    if not lines:
        return scope
    elements = [element.strip() for line in lines for element in line.split(",")]
    value = ",".join(element for element in elements if element)
    others = [(key, text) for key, text in scope["headers"] if key != name.encode()]
    return {**scope, "headers": [*others, (name.encode(), value.encode("latin-1"))]}


class Stamp:
    """The same headers on every answer, errors included: no answer of this API is a page or belongs in a cache."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def stamped(message):
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Request-Id"] = uuid4().hex
                headers.add_vary_header("Origin")
            await send(message)

        await self.app(scope, receive, stamped)


# Around the whole application, not inside it: FastAPI writes its own 500 outside `add_middleware`.
app = Stamp(Cors(api))
