"""What pods need around them: names, volumes, an S3 server, and a registry for the chart."""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import tempfile

import boto3
import botocore.session
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab import paths, proxies, tools
from lab.cluster import ingress, network, pki
from lab.cluster.control_plane import LEAN, serves
from lab.cluster.processes import Program

S3_ENDPOINT = f"http://{network.GATEWAY}:9000"
BUCKET = "mlflow"
REGISTRY = "localhost:5000"
PROVISIONER = "mlflow.lab/volumes"
VOLUMES_PORT = 8182
STORAGE_CLASSES = ("lab-local", "freenas-nfs-csi")
"""The first one is the cluster's default; the second is what the production stack asks for."""


def s3_keys() -> tuple[str, str]:
    """The S3 server's access key and secret key, made on first use, readable by root alone."""
    file = paths.run() / "s3-keys.json"
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=paths.run()) as scratch:
            scratch.write(json.dumps([secrets.token_hex(10), secrets.token_hex(20)]))
            scratch.flush()
            # Whole or not at all, and whoever comes second takes the first one's.
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(scratch.name)
    access, secret = json.loads(file.read_text())
    return str(access), str(secret)


@functools.cache
def _session() -> boto3.Session:
    """Without the person's own profile, which may be one that is not there."""
    return boto3.Session(botocore_session=botocore.session.Session({"profile": (None, [], None, None)}))


def _make_bucket() -> bool:
    access, secret = s3_keys()
    quick = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
    client = _session().client(
        "s3",
        endpoint_url=S3_ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=quick,
    )
    try:
        if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=BUCKET)
    except (BotoCoreError, ClientError):
        return False
    return True


def s3() -> Program:
    """The S3 server over a folder; ready when its bucket is there."""
    access, secret = s3_keys()
    data = paths.run() / "s3"
    data.mkdir(exist_ok=True)
    return Program(
        "s3",
        [tools.bin_folder() / "versitygw", "--quiet", f"--port={network.GATEWAY}:9000", "posix", data],
        ready=_make_bucket,
        env={**LEAN, "ROOT_ACCESS_KEY_ID": access, "ROOT_SECRET_ACCESS_KEY": secret},
    )


def registry() -> Program:
    """An OCI registry on loopback, for the chart where its own registry is out of reach."""
    config = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(paths.run() / "registry")}},
        "http": {"addr": "127.0.0.1:5000"},
    }
    file = paths.write(paths.run() / "registry.yaml", json.dumps(config))
    return Program(
        "registry", ["docker-registry", "serve", file], ready=lambda: serves(f"http://{REGISTRY}/v2/")
    )


def dns() -> Program:
    """CoreDNS on the bridge; it knows the cluster's names and forwards nothing."""
    text = f"""{network.DOMAIN} in-addr.arpa {{
    bind {network.DNS}
    errors
    ready 127.0.0.1:8181
    kubernetes {network.DOMAIN} in-addr.arpa {{
        kubeconfig {pki.kubeconfig()}
        ttl 5
    }}
}}
# Any other name does not exist: without an answer a resolver would ask again and again.
. {{
    bind {network.DNS}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""
    file = paths.write(paths.run() / "Corefile", text)
    return Program(
        "coredns",
        [tools.bin_folder() / "coredns", "-conf", file],
        lambda: serves("http://127.0.0.1:8181/ready"),
        LEAN,
    )


def volumes() -> Program:
    """The dynamic provisioner: a folder of this machine for each claim, for all nodes as on NFS."""
    folder = paths.run() / "volumes"
    return Program(
        "volumes",
        [
            tools.bin_folder() / "volumes",
            f"--kubeconfig={pki.kubeconfig()}",
            f"--name={PROVISIONER}",
            f"--root={folder}",
            f"--metrics-port={VOLUMES_PORT}",
        ],
        ready=lambda: serves(f"http://127.0.0.1:{VOLUMES_PORT}/metrics"),
        env=LEAN,
    )


def objects() -> str:
    """What the cluster itself must hold, as JSON: storage classes, ingress class, issuers; holds a key."""
    classes = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": name,
                "annotations": {
                    "storageclass.kubernetes.io/is-default-class": str(name == STORAGE_CLASSES[0]).lower()
                },
            },
            "provisioner": PROVISIONER,
            "volumeBindingMode": "Immediate",
            "reclaimPolicy": "Delete",
        }
        for name in STORAGE_CLASSES
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*classes, *ingress.objects()]})


def chart_is_official() -> bool:
    """Whether the chart's own registry answers."""
    return proxies.answers("https://registry-1.docker.io/v2/")
