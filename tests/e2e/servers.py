"""The pods of a stack, each asked at its own address, and programs that run in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from ops import cluster
from ops.rotation.target import Target
from tests.e2e.logins import basic
from tests.e2e.scratch import Scratch

USERS = "/api/2.0/mlflow/users"
WHO = "/api/2.0/mlflow/experiments/get?experiment_id=0"
OWN_PORT = 5555
OWN = f"""
import os, pathlib, re, sys
for process in pathlib.Path("/proc").glob("[0-9]*"):
    if b"\\0gunicorn\\0" in (process / "cmdline").read_bytes():
        break
read = (process / "environ").read_text().split("\\0")
env = dict(one.split("=", 1) for one in read if one)
given = pathlib.Path(env.get("MLFLOW_AUTH_CONFIG_PATH", "/bitnami/mlflow-basic-auth/basic_auth.ini"))
own = pathlib.Path("/tmp/own.ini")
hook = "authorization_function = mlflow.server.auth:authenticate_request_basic_auth"
own.write_text(re.sub("authorization_function.*", hook, given.read_text()))
env["MLFLOW_AUTH_CONFIG_PATH"] = str(own)
options = ["--bind=0.0.0.0:{OWN_PORT}", "--workers=1", "--worker-class=gthread", "--threads=8"]
command = [sys.executable, "-m", "gunicorn", *options, "mlflow.server.auth:create_app()"]
os.execvpe(command[0], command, env)
"""
"""A second server in a pod, of the same image and settings, with MLflow's own check."""

ASIDE = """
import json, logging, sys
import mlflow.version
version, sources = json.loads(sys.stdin.readline())
real = mlflow.version.VERSION
mlflow.version.VERSION = version or real
import mlflow_fast_authentication as module
module.SOURCES = sources or module.SOURCES
said = []
module.LOG.addFilter(lambda record: said.append(record.getMessage()) or False)
function = module.chosen()
print(json.dumps({"function": f"{function.__module__}:{function.__name__}", "said": said}))
"""

RESTORE = """
import configparser, json, os, sys, psycopg2
user, stored = json.loads(sys.stdin.readline())
file = configparser.ConfigParser(interpolation=None)
file.read(os.environ.get("MLFLOW_AUTH_CONFIG_PATH") or "/bitnami/mlflow-basic-auth/basic_auth.ini")
with psycopg2.connect(file["mlflow"]["database_uri"]) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT password_hash FROM users WHERE username = %s", (user,))
    before = cursor.fetchone()[0]
    if stored:
        cursor.execute("UPDATE users SET password_hash = %s WHERE username = %s", (stored, user))
print(json.dumps({"stored": before}))
"""


LEFT = """
import json, pathlib, sys, tempfile
sys.stdin.readline()
print(json.dumps({"left": [str(path) for path in pathlib.Path(tempfile.gettempdir()).rglob("model.bin")]}))
"""
"""What there is of an artifact in the pod's own files."""


class Servers:
    """The pods of a stack, each asked at its own address, and its users."""

    def __init__(self, stack: Scratch) -> None:
        outputs = stack.stack.outputs()
        self.admin = (outputs["admin_username"], outputs["admin_password"])
        self.target = Target.of(stack.stack)
        selector = "app.kubernetes.io/component=tracking"
        found = self.target.api.list_namespaced_pod(self.target.namespace, label_selector=selector).items
        self.pods = {
            str(pod.metadata.name): str(pod.status.pod_ip) for pod in found if pod.metadata and pod.status
        }
        self.urls = [f"http://{address}:5000" for address in self.pods.values()]

    def manage(self, method: str, what: str, **body: str) -> None:
        """Change a user as the administrator, through the first pod."""
        httpx.request(
            method, f"{self.urls[0]}{USERS}/{what}", json=body, auth=self.admin, timeout=30
        ).raise_for_status()

    def answers(self, user: str, password: str) -> set[int]:
        """The answers of all workers of all pods, each connection a new one and many at a time."""
        header = {"Authorization": basic(user, password)}

        def ask(url: str) -> int:
            with httpx.Client(headers=header, timeout=60, verify=False) as client:
                return client.get(url + WHO).status_code

        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(ask, self.urls * 16))

    def python(self, source: str, *arguments: str) -> dict[str, Any]:
        """What a program in the first pod says."""
        api, namespace = self.target.api, self.target.namespace
        with cluster.python_in_pod(api, namespace, next(iter(self.pods)), source) as ask:
            return ask(*arguments)

    def logs(self) -> dict[str, str]:
        """What each pod has said."""
        api, namespace = self.target.api, self.target.namespace
        return {
            pod: str(api.read_namespaced_pod_log(pod, namespace, container="mlflow")) for pod in self.pods
        }
