"""A store of objects as boto3's client shows it, in memory; it lists two objects a page."""

# ruff: noqa: N803 - boto3's own names

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.pod_bucket import Bucket

_PAGE = 2


class StoreError(Exception):
    """What the client raises: the store's code, and a text that may hold what it was given."""

    def __init__(self, code: str, operation: str = "GetObject") -> None:
        super().__init__("PlantedKeyId")
        self.response = {"Error": {"Code": code}}
        self.operation_name = operation


class Store:
    """Buckets by name, each a map of keys to contents. `refused` are keys that fail, with the code."""

    def __init__(self, **buckets: Mapping[str, bytes]) -> None:
        self.buckets: dict[str, dict[str, bytes]] = {name: dict(held) for name, held in buckets.items()}
        self.refused: dict[str, str] = {}
        self.copied: list[str] = []
        self.changing: dict[str, list[bytes | None]] = {}
        """Contents that a key gets while it is copied, one after the other; None takes it away."""

    def bucket(self, name: str = "mlflow") -> Bucket:
        """A bucket of it."""
        return Bucket(self, name)

    def _held(self, bucket: str, key: str) -> bytes:
        if key in self.refused:
            raise StoreError(self.refused[key])
        if key not in self.buckets[bucket]:
            raise StoreError("NoSuchKey")
        return self.buckets[bucket][key]

    def list_objects_v2(
        self, Bucket: str, Prefix: str, Delimiter: str = "", ContinuationToken: str = ""
    ) -> dict[str, Any]:
        held = self.buckets[Bucket]
        keys = sorted(key for key in held if key.startswith(Prefix))
        if Delimiter:
            below = {Prefix + key.removeprefix(Prefix).split("/")[0] + "/" for key in keys}
            folders = sorted(folder for folder in below if any(key.startswith(folder) for key in keys))
            return {"CommonPrefixes": [{"Prefix": folder} for folder in folders]}
        rest = [key for key in keys if key > ContinuationToken]
        page = rest[:_PAGE]
        listed = [{"Key": key, "Size": len(held[key]), "ETag": f'"{tag(held[key])}"'} for key in page]
        more = {"IsTruncated": True, "NextContinuationToken": page[-1]} if len(rest) > _PAGE else {}
        return {**({"Contents": listed} if listed else {}), **more}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._held(Bucket, Key))}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        held = self._held(Bucket, Key)
        return {"ContentLength": len(held), "ETag": f'"{tag(held)}"'}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self.buckets[Bucket][Key] = Body

    def delete_object(self, Bucket: str, Key: str) -> None:
        self.buckets[Bucket].pop(Key, None)

    def upload_file(self, Filename: str, Bucket: str, Key: str) -> None:
        self.buckets[Bucket][Key] = Path(Filename).read_bytes()

    def download_file(self, Bucket: str, Key: str, Filename: str) -> None:
        Path(Filename).write_bytes(self._held(Bucket, Key))

    def copy(self, CopySource: Any, Bucket: str, Key: str, ExtraArgs: Any, Config: Any) -> None:
        source = CopySource["Key"]
        if contents := self.changing.get(source):
            content = contents.pop(0)
            if content is None:
                del self.buckets[CopySource["Bucket"]][source]
            else:
                self.buckets[CopySource["Bucket"]][source] = content
        held = self._held(CopySource["Bucket"], source)
        if tag(held) != ExtraArgs["CopySourceIfMatch"]:
            raise StoreError("PreconditionFailed", "CopyObject")
        self.copied.append(source)
        self.buckets[Bucket][Key] = held


def tag(content: bytes) -> str:
    """The tag that the store gives a content."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
