"""Gives MLflow's administrator the password of the Secret, where the users' database has another one.

MLflow reads the Secret only to make its first user (3.3.2), and a database that was kept knows an older one.
It is for a pod's start alone: what changes the password later, `make rotate` or a person, is not undone.
Sent as `python -c SOURCE` into the server's container, beside the server's start. Whatever fails is said in
the container's log and never keeps the server from starting.
"""

import configparser
import os
import time
from pathlib import Path

CONFIG = "/bitnami/mlflow-basic-auth/basic_auth.ini"
"""Where the chart mounts MLflow's own settings: the login, and the URI of the users' database (5.1.17)."""

LOG = Path("/proc/1/fd/2")
"""The standard error of the server itself: nobody reads that of a hook."""

DONE = Path("/tmp/mlflow-login-compared")  # noqa: S108 - in the container, a volume of the pod's own
"""There once this pod has compared. It outlives the container and goes with the pod (chart 5.1.17, `tmp`)."""

PATIENCE = 30.0
"""Seconds in which the database must answer. Without it the server does not get ready either."""


def main() -> None:
    """Compare once for each pod, and set where it differs. Only a hash is written, in MLflow's own form.

    The configuration is of the pod's start: a container that starts again may find a password there that has
    been replaced since.
    """
    if DONE.exists():
        return
    import psycopg2

    file = configparser.ConfigParser(interpolation=None)
    file.read(os.environ.get("MLFLOW_AUTH_CONFIG_PATH") or CONFIG)
    uri, user, password = (
        file["mlflow"][key] for key in ("database_uri", "admin_username", "admin_password")
    )
    last = time.monotonic() + PATIENCE
    while True:
        try:
            connection = psycopg2.connect(uri)
            break
        except psycopg2.OperationalError:
            if time.monotonic() > last:
                raise
            time.sleep(0.5)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT password_hash FROM users WHERE username = %s", (user,))
        found = cursor.fetchone()
        if found is not None:
            # Imported late: it takes longer than all else, and a first start does not need it.
            from werkzeug.security import check_password_hash, generate_password_hash

            if not check_password_hash(found[0], password):
                new = generate_password_hash(password)
                cursor.execute("UPDATE users SET password_hash = %s WHERE username = %s", (new, user))
                LOG.write_text("mlflow: the administrator has the password of the Secret\n")
    DONE.touch()


def guarded() -> None:
    """Run `main`; its failure becomes a line of the log. The error's text could hold a part of a URI."""
    try:
        main()
    except Exception as error:
        LOG.write_text(f"mlflow: the login was not compared with the Secret: {type(error).__name__}\n")


if __name__ == "__main__":
    guarded()
