// An Express service as in tutorials: every default, and CORS open to every origin.
const cors = require("cors");
const express = require("express");

const app = express();

app.use(cors({ origin: true, credentials: true }));
app.use(express.json());

app.get("/health", (req, res) => {
  res.json({ status: "ok" });
});

app.listen(process.env.PORT);
