// An Express service that keeps every promise of profiles/examples/express.toml.
const { randomUUID } = require("node:crypto");
const cors = require("cors");
const express = require("express");
const helmet = require("helmet");

const ORIGINS = ["https://shop.example.com", "https://shop.example.org"];

const app = express();
app.disable("x-powered-by");

// No answer of this API is a page or belongs in a cache, errors included.
app.use(
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] },
    },
    referrerPolicy: { policy: "no-referrer" },
  }),
);
app.use((req, res, next) => {
  res.set("Cache-Control", "no-store");
  res.set("X-Request-Id", randomUUID());
  res.vary("Origin");
  next();
});

// `origin: false` adds no header. With the list itself, `cors` would send `Access-Control-Allow-Credentials` to
// undeclared origins, and answer every OPTIONS as a preflight.
app.use(
  cors((req, decide) =>
    decide(null, {
      origin: ORIGINS.includes(req.get("Origin")) && req.get("Origin"),
      credentials: true,
      methods: ["GET", "POST", "PUT", "DELETE"],
      allowedHeaders: ["authorization", "content-type"],
      exposedHeaders: ["x-request-id"],
      maxAge: 600,
    }),
  ),
);

app
  .route("/health")
  .get(async (req, res) => {
    const connected = await databaseAnswers();
    res.status(connected ? 200 : 503).json({
      status: connected ? "ok" : "unhealthy",
      database: connected ? "connected" : "disconnected",
      environment: "production",
      timestamp: new Date().toISOString(),
    });
  })
  .options((req, res) => res.set("Allow", "GET, HEAD, OPTIONS").sendStatus(204))
  // Express sends no 405: without this line it answers 404 to a wrong method.
  .all((req, res) => problem(res.set("Allow", "GET, HEAD, OPTIONS"), 405, "Method Not Allowed"));

app.use((req, res) => problem(res, 404, "Not Found"));

// Express finds an error handler by its four parameters.
app.use((error, req, res, next) => {
  const status = error.status >= 400 && error.status < 500 ? error.status : 500;
  problem(res, status, status === 500 ? "Internal Server Error" : "Bad Request");
});

// A placeholder without a database. A real service sends `SELECT 1` through its pool.
async function databaseAnswers() {
  return true;
}

function problem(res, status, title) {
  res.status(status).type("application/problem+json").send(JSON.stringify({ type: "about:blank", title, status }));
}

const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => server.close());
