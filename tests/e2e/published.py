"""The deployment of `make up` as people reach one: by its host's name, over HTTPS, through the ingress."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from lab.cluster import hosts, trust
from tests.e2e.containers import wait
from tests.e2e.deployment import Deployment

HSTS_SECONDS = 600
SETTINGS = {
    "ingressHost": hosts.HOST,
    "ingressController": "traefik",
    "ingressClusterIssuer": "letsencrypt",
    "ingressHsts": str(HSTS_SECONDS),
}
SECRET = f"{hosts.HOST}-tls"


@dataclass(frozen=True)
class Published:
    """It, with the login of its outputs."""

    deployment: Deployment
    user: str
    password: str
    url: str = f"https://{hosts.HOST}"

    def __repr__(self) -> str:
        """Without the password."""
        return f"Published({self.url})"

    @property
    def login(self) -> tuple[str, str]:
        """User and password."""
        return self.user, self.password

    def client(self) -> httpx.Client:
        """A client that trusts the lab's authority alone, and knows no variable of the shell."""
        trusting = ssl.create_default_context(cafile=str(trust.certificate()))
        return httpx.Client(base_url=self.url, verify=trusting, trust_env=False, timeout=30)


@contextmanager
def published(deployment: Deployment) -> Iterator[Published]:
    """The ingress is there in the block, and the server answers through it; no pod restarts for it."""
    given = "\n".join(f"pulumi config set {key} {value}" for key, value in SETTINGS.items())
    taken = "\n".join(f"pulumi config rm {key}" for key in SETTINGS)
    change = "pulumi up --yes --skip-preview --non-interactive"
    try:
        deployment.shell(f"{given}\n{change}")
        made = Published(deployment, deployment.output("admin_username"), deployment.output("admin_password"))
        wait(lambda: _answers(made), 30)
        yield made
    finally:
        deployment.shell(f"{taken}\n{change}")


def _answers(made: Published) -> bool:
    try:
        with made.client() as client:
            return client.get("/health").status_code == 200
    except httpx.TransportError:
        # The certificate is not made yet: the controller shows one of its own.
        return False


def run_in(python: str, script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script of Python in this environment alone."""
    return subprocess.run(
        [python, "-c", script], env=env, capture_output=True, text=True, check=False, timeout=120
    )
