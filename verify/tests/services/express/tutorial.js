// An Express service as tutorials set it up: every default, and CORS opened until the errors went away.
const cors = require("cors");
const express = require("express");

const app = express();

app.use(cors({ origin: true, credentials: true }));
app.use(express.json());

app.get("/health", (req, res) => {
  res.json({ status: "ok" });
});

app.listen(process.env.PORT);
