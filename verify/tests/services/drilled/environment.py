"""The variables that the platform must set. Only the standard library, so that a refusal takes less than a second."""

import sys
from urllib.parse import urlsplit

PLACEHOLDERS = {"changeme", "changethis", "replaceme", "placeholder", "secret", "password", "example", "todo", "xxx"}


class Environment:
    def __init__(self, variables):
        self.variables = variables
        self.database_url = self.secret("DATABASE_URL")
        if not is_postgres(self.database_url):
            self.refuse("DATABASE_URL", "is not a PostgreSQL URL")
        self.jwt_secret = self.secret("JWT_SECRET")  # not used for signing; the drill checks how it is validated
        self.port = self.listen_on()

    def secret(self, name):
        value = self.variables.get(name, self.default(name))
        if value is None:
            self.refuse(name, "is not set")
        if self.is_empty(value):
            self.refuse(name, "is empty")
        if self.is_placeholder(value):
            self.refuse(name, "is a placeholder")
        return value

    def default(self, _name):
        """None: a secret in the code is not secret."""
        return None

    def is_empty(self, value):
        return not value.strip()

    def is_placeholder(self, value):
        return plain(value) in PLACEHOLDERS or value.startswith(("<", "${")) or has_sample_login(value)

    def listen_on(self):
        port = self.variables.get("PORT", "")
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            self.refuse("PORT", "is not a port")
        return int(port)

    def refuse(self, name, why):
        """Never with the value: more people read logs than may know secrets."""
        sys.exit(f"{name} {why}; set it and start again")


def plain(value):
    return "".join(letter for letter in value.lower() if letter.isalnum())


def has_sample_login(value):
    """`postgres://user:password@host/database`, as in documentation."""
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    return (
        (url.username, url.password) in {("user", "password"), ("user", "pass"), ("username", "password")}
        or plain(url.password or "") == "changeme"
        or url.hostname in {"host", "hostname"}
    )


def is_postgres(value):
    try:
        url = urlsplit(value)
        return url.scheme in {"postgres", "postgresql"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
