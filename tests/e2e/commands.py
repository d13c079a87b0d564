"""`python -m ops` as a person runs it, each time a process of its own; none has to import everything again.

Half of what a command costs is that, and the tests run more than a hundred: they are forked from a process
that has done it, as `multiprocessing` offers.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from lab import paths

_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(
    [
        *(f"ops.{path.stem}" for path in sorted(Path(paths.REPO, "ops").glob("*.py"))),
        # The client loads what it sends and gets, 700 classes, when it is first asked for one of these.
        *(f"kubernetes.client.api.{kind}_v1_api" for kind in ("core", "apps", "batch")),
    ]
)


def ops(
    *args: str, env: Mapping[str, str] | None = None, answers: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `python -m ops ARGS` to its end, in `env` (this process's own), answered on its standard input."""
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdin", "stdout", "stderr")]
        for file in files:
            file.write_text(answers if file.name == "stdin" else "")
        process = _FORKED.Process(target=_main, args=(args, dict(env or os.environ), files))
        process.start()
        try:
            process.join()
        finally:
            # A test that takes too long ends here: its command does not go on without it.
            process.kill()
            process.join()
        code = process.exitcode
        assert code is not None
        return subprocess.CompletedProcess(["ops", *args], code, *(file.read_text() for file in files[1:]))


def _main(args: Sequence[str], env: Mapping[str, str], files: Sequence[Path]) -> None:
    """Be that process."""
    for number, file in enumerate(files):
        os.dup2(os.open(file, os.O_RDWR | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(paths.REPO)
    sys.argv = ["ops", *args]
    from ops.__main__ import main

    # What `multiprocessing` has put there is another file than number 0.
    with files[0].open() as sys.stdin:
        main()
