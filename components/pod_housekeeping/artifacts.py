"""Artifacts of what is removed: in S3 themselves, in other stores through the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from components.pod_bucket import Bucket, opened
from components.pod_housekeeping.items import HousekeepingError, Location, Weight

_PROXY = "/api/2.0/mlflow-artifacts/artifacts/"


def served(uri: str) -> Any:
    """MLflow's own way to what the server keeps."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(uri)


@dataclass(frozen=True)
class Artifacts:
    """The store behind the server: `root` is `s3://bucket`, or empty where only the server reaches it."""

    root: str
    bucket: Callable[[str], Bucket] = opened
    server: Callable[[str], Any] = served

    def weigh(self, at: Location) -> Weight | None:
        """What is there; None where that takes more than a look. Raises `HousekeepingError`."""
        place = self._place(at)
        if isinstance(place, str):
            return None
        bucket, prefix = place
        return _sum(bucket, prefix)[0]

    def erase(self, at: Location) -> Weight | None:
        """Remove what is there; what it was. Raises where anything stays."""
        place = self._place(at)
        if isinstance(place, str):
            store = self.server(place)
            if store.list_artifacts():
                store.delete_artifacts()
                if store.list_artifacts():
                    raise HousekeepingError(f"the server has left some of {place}")
            return None
        bucket, prefix = place
        weight, keys = _sum(bucket, prefix)
        bucket.delete(keys)
        return weight

    def _place(self, at: Location) -> tuple[Bucket, str] | str:
        """Bucket and prefix, or the URI for the server. Raises `HousekeepingError` where it is neither.

        A folder that does not end as the server names its owner's (`OWNER/artifacts`, for models and traces
        below `models` and `traces`; MLflow 3.3.2) could be another's: users may choose the id of a trace. Of
        a URI that names a server only the path counts: whoever makes an experiment chooses it, and a login
        goes there.
        """
        parts = urlsplit(at.uri)
        path, bucket = parts.path, parts.netloc
        proxied = parts.scheme == "mlflow-artifacts"
        if parts.scheme in ("http", "https") and _PROXY in path:
            path, proxied = path.partition(_PROXY)[2], True
        segments = [segment for segment in path.split("/") if segment]
        own = [*filter(None, (at.below,)), at.owner, "artifacts"]
        if segments[-len(own) :] != own or not {".", ".."}.isdisjoint(map(unquote, segments)):
            raise HousekeepingError(f"{at.uri or 'an empty address'} is no folder of its own")
        if proxied and not self.root:
            return f"mlflow-artifacts:/{'/'.join(segments)}"
        if proxied:
            root = urlsplit(self.root)
            bucket, segments = root.netloc, [*root.path.strip("/").split("/"), *segments]
        elif parts.scheme != "s3" or not self.root:
            raise HousekeepingError(f"{at.uri} is in no store of this stack")
        return self.bucket(bucket), "".join(f"{segment}/" for segment in segments if segment)


def _sum(bucket: Bucket, prefix: str) -> tuple[Weight, list[str]]:
    found = [*bucket.objects(prefix)]
    return Weight(len(found), sum(one.size for one in found)), [one.key for one in found]
