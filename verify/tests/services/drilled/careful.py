"""A careful service with FastAPI, SQLAlchemy and asyncpg: every drill of `verify` must pass.

    DATABASE_URL=postgresql://… JWT_SECRET=… PORT=8000 python careful.py
"""

import os

from environment import Environment

if __name__ == "__main__":
    environment = Environment(os.environ)  # before the imports below, which take most of a second

import asyncio
import json
import logging
import runpy
import signal
import socket
import ssl
import sys
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateTable

# The same CORS and the same headers as the service without a database.
beside = runpy.run_path(str(Path(__file__).parents[1] / "fastapi" / "careful.py"))
Cors, Stamp = beside["Cors"], beside["Stamp"]

log = logging.getLogger("careful")

items = Table("items", MetaData(), Column("id", Integer, primary_key=True), Column("title", Text, nullable=False))

# Every error of the database. Before Python 3.11 asyncio.TimeoutError is not TimeoutError.
FAULTS = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    asyncio.TimeoutError,
)


class Unavailable(Exception):
    """The database gave no answer in time."""


class Service:
    pool_size, pool_overflow = 5, 1  # and one more for the health check: the profile's 5 + 2
    acquire_timeout = 2
    connect_timeout = 1.5
    command_timeout = 3
    answer_within = 4  # the database's share of one request
    health_patience = (1.2, 0.6)  # the first try may meet a dead connection; together well below the budget of 3 s
    drain_timeout = 6  # of the 10 s that the profile grants
    keep_alive = 5

    def __init__(self, environment):
        self.environment = environment
        self.engine = self.new_engine()
        self.reserve = None  # the health check's own connection, which traffic cannot use
        self.question = None
        self.leftovers = set()

    # --- the database -----------------------------------------------------------------------------

    def new_engine(self):
        return create_async_engine(
            "postgresql+asyncpg://",
            connect_args={"async_creator_fn": self.connect, **self.statements()},
            isolation_level="AUTOCOMMIT",  # one statement a request: BEGIN and ROLLBACK would only cost time
            **self.pool(),
        )

    def pool(self):
        return {
            "pool_size": self.pool_size,
            "max_overflow": self.pool_overflow,
            "pool_timeout": self.acquire_timeout,
            "pool_pre_ping": True,
            "pool_recycle": 240,  # Neon suspends after 300 s
        }

    def statements(self):
        """Unnamed: behind PgBouncer the next transaction may run on a server that does not know the name.

        Without the second setting SQLAlchemy makes asyncpg name each statement.
        """
        return {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}

    async def connect(self, **options):
        """The only way to the database. The URL's query is removed, since asyncpg does not know all of its parameters."""
        careful = {
            "ssl": self.tls(),
            "timeout": self.connect_timeout,
            "command_timeout": self.command_timeout,
            "statement_cache_size": 0,
        }
        url = urlsplit(self.environment.database_url)._replace(query="").geturl()
        return await asyncpg.connect(url, **{**careful, **options})

    def tls(self):
        """A verified connection or none: `require` does not mean to trust any certificate."""
        url = urlsplit(self.environment.database_url)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        local = url.hostname in {"localhost", "127.0.0.1", "::1"}
        if query.get("sslmode", "prefer") in {"disable", "allow", "prefer"} and local:
            return False
        root = query.get("sslrootcert", "system")
        return ssl.create_default_context(cafile=None if root == "system" else root)

    async def rows(self, statement, attempts=1):
        """Runs the only statement of a request; raises Unavailable (503) when the database does not answer."""
        try:
            return await self.within(self.answer_within, self.execute(statement, attempts))
        except FAULTS as error:
            log.warning("no answer from the database: %s", type(error).__name__)  # its text names hosts and users
            raise Unavailable from error

    async def execute(self, statement, attempts):
        """Retries on a dead connection. Only for reads: a write may have been executed."""
        for attempt in range(1, attempts + 1):
            try:
                async with self.engine.connect() as connection:
                    return (await connection.execute(statement)).mappings().all()
            except DBAPIError as error:
                if attempt == attempts or not error.connection_invalidated:
                    raise

    async def within(self, seconds, work):
        """Unlike asyncio.wait_for, does not wait for the clean-up, which a silent database would delay too."""
        task = asyncio.ensure_future(work)
        self.leftovers.add(task)
        task.add_done_callback(self.leftovers.discard)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.add_done_callback(lambda task: task.cancelled() or task.exception())  # mark its error as retrieved
            task.cancel()
            raise asyncio.TimeoutError
        return task.result()

    async def create_table(self):
        """Creates the table, and retries: the service may start before its database."""
        while True:
            try:
                async with self.engine.connect() as connection:
                    await connection.execute(CreateTable(items, if_not_exists=True))
                return
            except FAULTS:
                await asyncio.sleep(1)

    # --- health -----------------------------------------------------------------------------------

    async def database_answers(self):
        """A thousand probes cost one query: concurrent callers share the answer."""
        if self.question is None or self.question.done():
            self.question = asyncio.create_task(self.ask())
        return await asyncio.shield(self.question)

    async def ask(self):
        for patience in self.health_patience:
            try:
                await asyncio.wait_for(self.select_one(), patience)
                return True
            except FAULTS:
                self.forget_reserve()
        return False

    async def select_one(self):
        if self.reserve is None:
            self.reserve = await self.connect()
        await self.reserve.execute("SELECT 1")  # a simple query: one round trip, and no statement to prepare

    def forget_reserve(self):
        if self.reserve is not None:
            self.reserve.terminate()
            self.reserve = None

    async def health(self):
        connected = await self.database_answers()
        body = {
            "status": "ok" if connected else "unhealthy",
            "database": "connected" if connected else "disconnected",
            "environment": "production",
            "timestamp": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
        }
        return JSONResponse(body, 200 if connected else 503)

    # --- routes -----------------------------------------------------------------------------------

    async def items(self, request):
        if request.method == "POST":
            return await self.add_item(request)
        rows = await self.rows(select(items).order_by(items.c.id.desc()).limit(20), attempts=2)
        return JSONResponse([dict(row) for row in rows])

    async def add_item(self, request):
        if not self.is_json(request):
            # Browsers send some other types across origins without a preflight.
            return JSONResponse({"detail": "Only application/json is read."}, 415)
        try:
            title = json.loads(await request.body())["title"]
            acceptable = 0 < len(title) <= 200 and "\0" not in title and bool(title.encode())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            acceptable = False
        if not acceptable:
            return JSONResponse({"detail": 'An item is {"title": "…"}, at most 200 characters.'}, 422)
        [row] = await self.rows(insert(items).values(title=title).returning(items))
        return JSONResponse(dict(row), 201)

    def is_json(self, request):
        return request.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"

    async def unavailable(self, _request, _error):
        return JSONResponse({"detail": "The database does not answer."}, 503, {"Retry-After": "1"})

    async def broken(self, _request, _error):
        return JSONResponse({"detail": "Internal Server Error"}, 500)

    def api(self):
        api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self.lifespan)

        @api.api_route("/health", methods=["GET", "HEAD"])
        async def health():
            return await self.health()

        # One route for all methods, so that `Allow` names them all.
        @api.api_route("/api/items", methods=["GET", "HEAD", "POST"])
        async def all_items(request: Request):
            return await self.items(request)

        api.add_exception_handler(Unavailable, self.unavailable)
        api.add_exception_handler(Exception, self.broken)
        return api

    def app(self):
        return Stamp(Cors(self.api()))

    # --- start and stop ---------------------------------------------------------------------------

    @asynccontextmanager
    async def lifespan(self, _api):
        creating = asyncio.create_task(self.create_table())
        await asyncio.wait({creating}, timeout=2)
        yield
        creating.cancel()
        self.forget_reserve()
        await asyncio.wait({asyncio.create_task(self.engine.dispose())}, timeout=1)

    def listening(self):
        """IPv4 and IPv6 if the machine has both; Railway's private network had only IPv6."""
        try:
            everywhere = ("::", self.environment.port)
            return socket.create_server(everywhere, family=socket.AF_INET6, dualstack_ipv6=True, backlog=2048)
        except OSError:
            return socket.create_server(("0.0.0.0", self.environment.port), backlog=2048)

    def options(self):
        return {
            "timeout_graceful_shutdown": self.drain_timeout,
            "timeout_keep_alive": self.keep_alive,
            "server_header": False,
            "access_log": False,
        }

    def server(self):
        return uvicorn.Server(uvicorn.Config(self.app(), **self.options()))

    def serve(self):
        # After it has stopped, Uvicorn raises the signal again for earlier handlers; here the process just ends.
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: self.stopped())
        self.server().run(sockets=[self.listening()])

    def stopped(self):
        sys.exit(0)


if __name__ == "__main__":
    Service(environment).serve()
