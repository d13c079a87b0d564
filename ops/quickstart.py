"""`make up` and `make down`: from a bare machine, or a cluster you have, to a verified MLflow and back."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from filelock import FileLock

from ops import forward
from ops.console import OpsError, err, out, step
from ops.home import Home
from ops.ports import HOST
from ops.stack import PASSPHRASE

PORT = 5001
"""The loopback port `make up` takes when nobody has it (MLflow's own 5000 is often taken)."""

VENV = Path(sys.executable).parent


def _lab() -> Home:
    """The home of the deployment on the lab's own cluster; it goes with the lab."""
    from lab import api

    return Home(api.run_folder() / "stack", {**api.environ(), "PATH": _path(api.bin_folder())})


def _existing(context: str) -> Home:
    """The home of a deployment on a cluster that was there before; it outlives every cache."""
    from lab import api

    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    tools = {"PATH": _path(api.bin_folder()), **api.engine_environ()}
    return Home(state / "mlflow-pulumi" / context.replace("/", "_"), tools)


def _path(bin_folder: Path) -> str:
    """PATH with the project's own programs first, once."""
    own = [str(VENV), str(bin_folder)]
    return os.pathsep.join(
        own + [entry for entry in os.environ["PATH"].split(os.pathsep) if entry not in own]
    )


def _home(context: str | None) -> Home:
    return _existing(context) if context else _lab()


def _settings(context: str | None, namespace: str | None) -> tuple[dict[str, str | None], dict[str, str]]:
    """What the deployment sets over the committed stack file: plain settings, and secret ones."""
    from lab import api

    named = {"namespace": namespace} if namespace else {}
    if context is None:
        keys = api.s3_keys()
        return {**api.settings(), **named}, {"s3AccessKeyId": keys[0], "s3SecretAccessKey": keys[1]}
    # Any cluster has a default storage class; not every one has an object store.
    bare = {"artifactStore": "volume", "s3Endpoint": None, "s3Bucket": None, "storageClass": None}
    return {"context": context, **bare, **named}, {}


def up(context: str | None, namespace: str | None) -> None:
    """Bring it up, verify it, say what a person wants to know. Raises `OpsError`."""
    from lab import api
    from ops import diagnose, recover, watch
    from ops import verify as checks

    began = time.monotonic()
    _same_namespace(_home(context), context, namespace)
    if context:
        api.install_tools()
    else:
        api.up()
    home = _home(context)
    os.environ.update(home.environ())
    home.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(home.folder / "lock"):
        with step("Stack, passphrase and settings"):
            home.prepare(*_settings(context, namespace))
        stack = home.stack()
        with ThreadPoolExecutor() as side_by_side:
            known = side_by_side.submit(stack.config)
            if recover.stuck(stack):
                recover.report(recover.recover(stack))
            settings = known.result()
        # What verification imports takes a second, the engine more: side by side.
        threading.Thread(target=checks.prepare).start()
        changes = watch.up(stack, settings)
        with ThreadPoolExecutor() as side_by_side:
            selected = side_by_side.submit(stack.read, "stack", "select")
            outputs = stack.outputs()
            selected.result()
        try:
            url = _serve(home, outputs, settings)
            with checks.reachable(outputs, settings, url) as deployment:
                checks.verify(deployment)
        except Exception:
            # Whatever a client of MLflow raises: the person wants to know why, and then sees it all the same.
            diagnose.explained(stack)
            raise
    if changes and set(changes) <= {"same", "read"}:
        out.print("Nothing changed.")
    _farewell(outputs, url, context, time.monotonic() - began)


def _same_namespace(home: Home, context: str | None, given: str | None) -> None:
    """Raise `OpsError` where another namespace is given than the deployment has: it would be replaced."""
    there = home.setting("namespace")
    if given and there and given != there:
        down = f"make down{_given(context)}"
        raise OpsError(
            f"this deployment is in namespace {there}, and {given} was given. A namespace is not renamed but"
            f" replaced, and its data would be lost: `{down}` first if that is fine, or a stack of your own"
            ' for the other one (README, "Production"). Nothing was changed'
        )


def _given(context: str | None) -> str:
    """How a `make` target is told the context."""
    return f" CONTEXT={context}" if context else ""


def _serve(home: Home, outputs: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """The address to open from this machine: the ingress's, or a port of loopback kept open from now on."""
    from ops import verify as checks

    service = checks.in_cluster(outputs, settings)
    if service is None:
        return str(outputs["tracking_url"])
    port = forward.start(service, home.forward, home.folder / "forward.log", PORT)
    return f"http://{HOST}:{port}"


def _farewell(outputs: Mapping[str, Any], url: str, context: str | None, seconds: float) -> None:
    """What a person wants to know now. No secret is printed: the password is one command away."""
    given = _given(context)
    lines = f"""
MLflow is up and verified, in {seconds:.0f} s.

  Open       {url}
  User       {outputs["admin_username"]}
  Password   eval "$(make -s env{given})"; pulumi stack output admin_password --show-secrets

Log a first run from Python (pip install mlflow-skinny==3.10.0), in the same shell:

  export MLFLOW_TRACKING_URI={url}
  export MLFLOW_TRACKING_USERNAME="$(pulumi stack output admin_username --show-secrets)"
  export MLFLOW_TRACKING_PASSWORD="$(pulumi stack output admin_password --show-secrets)"
  python - <<'PY'
  import mlflow
  mlflow.set_experiment("first")
  with mlflow.start_run():
      mlflow.log_param("model", "baseline")
      mlflow.log_metric("loss", 0.2)
      mlflow.log_text("hello", "hello.txt")
  PY

  Look       kubectl get pods -n {outputs["namespace"]}
  Stop       make down{given}
"""
    out.print(lines, markup=False)


def down(context: str | None) -> None:
    """Take it away: on the lab's cluster with the cluster itself, elsewhere by `pulumi destroy`."""
    from lab import api

    home = _home(context)
    forward.stop(home.forward)
    if context is None:
        api.down()
        return
    if not home.stack_file.exists():
        err.print(f"nothing to take down: `make up CONTEXT={context}` has not run here")
        return
    os.environ.update(home.environ())
    home.stack().run("destroy", "--yes", "--skip-preview")
    home.stack().run("stack", "rm", "--yes", "--preserve-config")
    shutil.rmtree(home.folder)


def shell_lines(context: str | None) -> str:
    """Lines for `eval`: the variables of the deployment that `make up` made."""
    values = _home(context).environ()
    exports = (f"export {key}={shlex.quote(value)}" for key, value in sorted(values.items()))
    return "\n".join([f"unset {PASSPHRASE}", *exports])
