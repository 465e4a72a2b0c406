"""The careful service with exactly one defect, for the drill that must find it.

    python faulty.py --defect shallow-health
    python faulty.py --list
"""

import os
import sys

from environment import Environment

# Each is a class below with the same name.
DEFECTS = {
    # health.deep.*, health.platform.host
    "shallow-health": "/health says ok without asking the database",
    "waits-for-tcp": "/health waits for a silent database without a limit",
    "checks-only-the-socket": "/health says ok when a connection can be opened, and sends no query",
    "keeps-dead-pool": "/health says unhealthy for ever after one outage",
    "query-per-probe": "every probe costs a query of its own",
    "waits-behind-traffic": "/health waits for a connection of the pool that traffic uses up",
    "strict-host": "only the service's own names are taken as Host, not the platform's",
    # exposure.secrets.canary, health.leak.no-internals
    "logs-dsn": "DATABASE_URL is logged at the start",
    "echoes-secret": "/debug/vars shows the environment",
    "traces-secret": "a malformed body is logged with the variables at hand",
    "leaks-on-503": "routes answer 503 with the driver's text",
    "leaks-in-health": "/health answers 503 with the driver's text",
    # load.pool.bound
    "connect-per-request": "no pool: every request opens a connection",
    # tls.db.verified
    "accepts-any-certificate": "TLS, but every certificate is trusted",
    "accepts-plaintext": "a database without TLS gets the password all the same",
    # cors.actual.*
    "parses-any-type": "POST reads a body of any type",
    "no-cors-on-503": "503 comes without the CORS grant",
    # drill.db.*
    "no-acquire-timeout": "a request waits for a connection and for its answer without a limit",
    "dies-with-database": "the process ends when the database does not answer",
    "first-request-fails": "dead connections are given to requests",
    "named-statements": "statements are prepared by name, and kept",
    # drill.start.*
    "default-secret": "a secret that is not set has a default",
    "empty-secret-ok": "an empty secret is taken",
    "placeholder-ok": "a placeholder is taken",
    "names-the-value": "the value of a secret is shown when it is refused",
    "fixed-port": "listens on 8000 and ignores PORT",
    "loopback-only": "listens on 127.0.0.1",
    "slow-start": "is ready after 30 s",
    # drill.stop.*
    "dies-at-once": "a signal ends requests in flight",
    "ignores-sigterm": "SIGTERM does nothing",
    "ignores-sigint": "SIGINT does nothing",
    "hangs-on-keep-alive": "an idle connection holds the exit",
    "waits-for-stuck": "half a request holds the exit",
    "keeps-listening": "new connections are accepted until the exit",
    "exits-nonzero": "a clean stop ends with 1",
    "dies-with-an-error": "a signal ends requests in flight, and the process with 3",
}


# --- in its environment: before the imports below, as in careful.py ------------------------------


class DefaultSecret(Environment):
    def default(self, name):
        return {"DATABASE_URL": "postgresql://postgres@localhost/postgres", "JWT_SECRET": "dev-secret"}[name]


class EmptySecretOk(Environment):
    def is_empty(self, _value):
        return False


class PlaceholderOk(Environment):
    def is_placeholder(self, _value):
        return False


class NamesTheValue(Environment):
    def refuse(self, name, why):
        sys.exit(f"{name}={self.variables.get(name, '')} {why}")


class FixedPort(Environment):
    def listen_on(self):
        return 8000


def chosen():
    match sys.argv[1:]:
        case ["--defect", name] if name in DEFECTS:
            return name.title().replace("-", "")
        case ["--list"]:
            print("\n".join(f"{name:24} {what}" for name, what in DEFECTS.items()))
            sys.exit(0)
    sys.exit("usage: faulty.py --defect NAME | --list")


if __name__ == "__main__":
    defect = chosen()
    environment = globals().get(defect, Environment)(os.environ)  # the other classes are not defined yet

import asyncio
import signal
import socket
import ssl
import time

from careful import FAULTS, Service
from fastapi.responses import JSONResponse
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol

# --- in health ----------------------------------------------------------------------------------


class ShallowHealth(Service):
    async def database_answers(self):
        return True


class WaitsForTcp(Service):
    health_patience = (None, None)

    async def select_one(self):
        if self.reserve is None:
            self.reserve = await self.connect(timeout=3600, command_timeout=3600)
        await super().select_one()


class ChecksOnlyTheSocket(Service):
    async def select_one(self):
        connection = await self.connect()
        connection.terminate()


class KeepsDeadPool(Service):
    dead = False

    async def ask(self):
        self.dead = self.dead or not await super().ask()
        return not self.dead


class QueryPerProbe(Service):
    turn = asyncio.Lock()

    async def database_answers(self):
        async with self.turn:  # of the one connection
            return await self.ask()


class WaitsBehindTraffic(Service):
    async def ask(self):
        for _ in range(10):
            try:
                async with self.engine.connect() as connection:
                    await connection.exec_driver_sql("SELECT 1")
                return True
            except PoolTimeout:
                continue
            except FAULTS:
                break
        return False


class StrictHost(Service):
    def app(self):
        return TrustedHostMiddleware(super().app(), ["127.0.0.1", "[::1]", "localhost", "api.example.com"])


# --- in what it tells ---------------------------------------------------------------------------


class LogsDsn(Service):
    def serve(self):
        print(f"connecting to {self.environment.database_url}", flush=True)
        super().serve()


class EchoesSecret(Service):
    def api(self):
        api = super().api()
        api.add_api_route("/debug/vars", lambda: dict(os.environ))
        return api


class TracesSecret(Service):
    async def add_item(self, request):
        response = await super().add_item(request)
        if response.status_code == 422:
            print(f"cannot read {await request.body()!r} with {vars(self.environment)}", flush=True)
        return response


class LeaksOn503(Service):
    async def unavailable(self, _request, error):
        return JSONResponse({"detail": str(error.__cause__)}, 503)


class LeaksInHealth(Service):
    async def select_one(self):
        try:
            await super().select_one()
        except Exception as error:
            self.seen = str(error)
            raise

    async def health(self):
        response = await super().health()
        if response.status_code == 503:
            response = JSONResponse({"status": "unhealthy", "database": "disconnected", "error": self.seen}, 503)
        return response


# --- with its database --------------------------------------------------------------------------


class ConnectPerRequest(Service):
    def pool(self):
        return {"poolclass": NullPool}


class AcceptsAnyCertificate(Service):
    def tls(self):
        context = super().tls()
        if context:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class AcceptsPlaintext(Service):
    plain = False

    def tls(self):
        return False if self.plain else super().tls()

    async def connect(self, **options):
        try:
            return await super().connect(**options)
        except ConnectionError:  # raised by asyncpg when the database has no TLS
            self.plain = True
            return await super().connect(**options)


class ParsesAnyType(Service):
    def is_json(self, _request):
        return True


class NoCorsOn503(Service):
    def app(self):
        app = super().app()

        async def without_grant(scope, receive, send):
            async def bare(message):
                if message["type"] == "http.response.start" and message["status"] == 503:
                    message["headers"] = [h for h in message["headers"] if not h[0].startswith(b"access-control-")]
                await send(message)

            await app(scope, receive, bare)

        return without_grant


class NoAcquireTimeout(Service):
    acquire_timeout = answer_within = connect_timeout = command_timeout = 3600


class DiesWithDatabase(Service):
    async def unavailable(self, _request, _error):
        os._exit(1)


class FirstRequestFails(Service):
    def pool(self):
        return {**super().pool(), "pool_pre_ping": False}

    async def rows(self, statement, attempts=1):
        return await super().rows(statement, attempts=1)


class NamedStatements(Service):
    def statements(self):
        """SQLAlchemy's defaults."""
        return {}

    async def connect(self, **options):
        return await super().connect(statement_cache_size=100, **options)


# --- at its start and stop ----------------------------------------------------------------------


class LoopbackOnly(Service):
    def listening(self):
        return socket.create_server(("127.0.0.1", self.environment.port))


class SlowStart(Service):
    def serve(self):
        time.sleep(30)
        super().serve()


class Stopping(Service):
    """With a server of its own, which receives each signal."""

    def server(self):
        server = super().server()
        server.handle_exit = lambda number, frame: self.told(server, number, frame)
        return server

    def told(self, server, number, frame):
        Server.handle_exit(server, number, frame)


class DiesAtOnce(Stopping):
    def told(self, server, number, frame):
        os._exit(0)


class DiesWithAnError(Stopping):
    def told(self, server, number, frame):
        os._exit(3)


class IgnoresSigterm(Stopping):
    def told(self, server, number, frame):
        if number != signal.SIGTERM:
            super().told(server, number, frame)


class IgnoresSigint(Stopping):
    def told(self, server, number, frame):
        if number != signal.SIGINT:
            super().told(server, number, frame)


class HangsOnKeepAlive(Service):
    keep_alive = 3600
    drain_timeout = None

    class Connection(H11Protocol):
        def shutdown(self):
            if self.cycle is not None and not self.cycle.response_complete:
                super().shutdown()
                self.loop.call_later(Service.drain_timeout, self.transport.abort)

    def options(self):
        return {**super().options(), "http": self.Connection}


class WaitsForStuck(Service):
    drain_timeout = None


class KeepsListening(Service):
    def listening(self):
        listener = super().listening()
        self.open = listener.dup()  # the kernel keeps accepting connections for it
        return listener


class ExitsNonzero(Service):
    def stopped(self):
        sys.exit(1)


if __name__ == "__main__":
    faulty = globals()[defect]
    (faulty if issubclass(faulty, Service) else Service)(environment).serve()
