"""An S3 server of a test's own, with accounts that can be made and taken away."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lab import tools
from lab.cluster import network
from lab.cluster.services import BUCKET
from tests.e2e.containers import wait
from tests.e2e.control_plane import free_port


class Accounts:
    """The accounts of one server; it reads them at every request."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.file = folder / "users.json"
        self.endpoint = endpoint
        self.pairs: dict[str, str] = {}

    def make(self) -> tuple[str, str]:
        """A new pair of keys that may do everything."""
        access, secret = secrets.token_hex(10), secrets.token_hex(20)
        self.pairs[access] = secret
        self._write()
        return access, secret

    def revoke(self, access: str) -> None:
        """Take a pair away."""
        del self.pairs[access]
        self._write()

    def _write(self) -> None:
        of = {
            access: {"access": access, "secret": secret, "role": "admin"}
            for access, secret in self.pairs.items()
        }
        scratch = self.file.with_suffix(".new")
        scratch.write_text(json.dumps({"accessAccounts": of}))
        scratch.replace(self.file)

    def bucket_is_there(self) -> bool:
        """Whether the server serves its bucket, which is made if need be."""
        access, secret = next(iter(self.pairs.items()))
        session = boto3.Session(access, secret, region_name="us-east-1")
        client = session.client("s3", endpoint_url=self.endpoint)
        try:
            if not client.list_buckets()["Buckets"]:
                client.create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError):
            return False
        return True


@contextmanager
def s3_accounts(folder: Path) -> Iterator[Accounts]:
    """A server on the bridge, where pods reach it, for as long as the block runs."""
    accounts, data = folder / "accounts", folder / "data"
    accounts.mkdir(parents=True)
    data.mkdir()
    address = f"{network.GATEWAY}:{free_port()}"
    made = Accounts(accounts, f"http://{address}")
    made.make()
    options = [f"--port={address}", f"--iam-dir={accounts}", "--iam-cache-disable", "--quiet"]
    root = {"ROOT_ACCESS_KEY_ID": secrets.token_hex(10), "ROOT_SECRET_ACCESS_KEY": secrets.token_hex(20)}
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [tools.bin_folder() / "versitygw", *options, "posix", data], env=root, stdout=log, stderr=log
        )
    try:
        wait(made.bucket_is_there)
        yield made
    finally:
        process.terminate()
        process.wait(20)
