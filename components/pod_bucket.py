"""A bucket of the artifact store, asked the way the server asks: endpoint, region, certificates, keys.

Mounted beside each program that runs in pods and works with the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

_GONE = ("404", "NoSuchKey", "NotFound")
_CHANGED = ("412", "PreconditionFailed")
_AT_ONCE = 8
"""Requests under way at a time."""
_LARGEST = 4 << 30
"""Bytes up to which one request copies an object; S3 takes up to 5 GiB, larger ones are copied in parts."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Object:
    """An object as the store lists it: its size in bytes, and the tag that changes with its content."""

    key: str
    size: int
    etag: str


def code_of(error: Exception) -> str:
    """The store's own word for what is wrong; empty where it has none."""
    response: Any = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def told(error: Exception) -> str:
    """An error in one line. The store's own text may repeat what it was given, so its code says it."""
    if code := code_of(error):
        return f"the store refuses {getattr(error, 'operation_name', 'a request')}: {code}"
    return f"{type(error).__name__}: {error}"


def at_once(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """What `work` gives for each of `items`, some of them at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


@dataclass(frozen=True)
class Bucket:
    """One bucket."""

    client: Any
    name: str

    def objects(self, prefix: str) -> Iterator[Object]:
        """All objects whose keys begin so."""
        for page in self._pages(prefix, ""):
            for entry in page.get("Contents", []):
                yield Object(entry["Key"], entry["Size"], entry["ETag"].strip('"'))

    def folders(self, prefix: str) -> list[str]:
        """The names right below a prefix that ends in "/", as far as something is below them."""
        pages = self._pages(prefix, "/")
        found = (entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", []))
        return [entry.removeprefix(prefix).rstrip("/") for entry in found]

    def _pages(self, prefix: str, delimiter: str) -> Iterator[Any]:
        where = {"Bucket": self.name, "Prefix": prefix, **({"Delimiter": delimiter} if delimiter else {})}
        more: dict[str, str] = {}
        while True:
            page = self.client.list_objects_v2(**where, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, key: str) -> bytes | None:
        """What an object holds; None where there is none."""
        try:
            return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())
        except Exception as error:
            if code_of(error) in _GONE:
                return None
            raise

    def write(self, key: str, content: bytes) -> None:
        """Make an object, or replace it."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def upload(self, file: Path, key: str) -> None:
        """Make an object of a file, of any size."""
        self.client.upload_file(str(file), self.name, key)

    def download(self, key: str, file: Path) -> None:
        """Make a file of an object, of any size."""
        self.client.download_file(self.name, key, str(file))

    def look(self, key: str) -> Object | None:
        """An object as it is now; None where there is none."""
        try:
            found = self.client.head_object(Bucket=self.name, Key=key)
        except Exception as error:
            if code_of(error) in _GONE:
                return None
            raise
        return Object(key, found["ContentLength"], found["ETag"].strip('"'))

    def copy(self, source: Bucket, wanted: Object, key: str) -> bool:
        """Copy an object inside the store; whether it still was what `wanted` says."""
        from boto3.s3.transfer import TransferConfig

        try:
            self.client.copy(
                {"Bucket": source.name, "Key": wanted.key},
                self.name,
                key,
                ExtraArgs={"CopySourceIfMatch": wanted.etag},
                Config=TransferConfig(multipart_threshold=_LARGEST, multipart_chunksize=_LARGEST // 4),
            )
        except Exception as error:
            if code_of(error) in (*_GONE, *_CHANGED):
                return False
            raise
        return True

    def delete(self, keys: Iterable[str]) -> None:
        """Take objects away."""
        at_once(lambda key: self.client.delete_object(Bucket=self.name, Key=key), keys)


def opened(name: str) -> Bucket:
    """A bucket, by MLflow's own client of its artifact store."""
    from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

    client: Any = S3ArtifactRepository(f"s3://{name}")._get_s3_client()  # type: ignore[no-untyped-call]
    return Bucket(client, name)
