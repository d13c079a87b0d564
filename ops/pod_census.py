"""Runs inside the tracking server's container: how much the backend store holds.

Sent as `python -c SOURCE`; reads one JSON line, [], and prints one. The URI comes from the server's own
arguments (process 1); it holds the database's password and is never printed.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Count the experiments and the runs, deleted ones included: they can be restored until then."""
    import sqlalchemy

    sys.stdin.readline()
    option = "--backend-store-uri="
    arguments = Path("/proc/1/cmdline").read_text().split("\0")
    uri = next(argument.removeprefix(option) for argument in arguments if argument.startswith(option))
    with sqlalchemy.create_engine(uri).connect() as connection:
        counts = {
            name: connection.execute(
                sqlalchemy.select(sqlalchemy.func.count()).select_from(sqlalchemy.table(name))
            ).scalar()
            for name in ("experiments", "runs")
        }
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
