"""Objects of any kind in the cluster: read, put back, made again.

A PUT that is a dry run says what an object would be if it held what was recorded and nothing else. The
server fills in the same defaults on both sides, so whatever differs was changed, added or taken away by
somebody.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient, Resource
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from tenacity import retry, retry_if_exception, stop_after_attempt

from ops.console import OpsError
from ops.replacement import Object, replacement, title


class RefusedError(OpsError):
    """The API server does not accept what was recorded in place of what is there."""


def _conflict(error: BaseException) -> bool:
    return isinstance(error, ApiException) and error.status == 409


_again = retry(retry=retry_if_exception(_conflict), stop=stop_after_attempt(5), reraise=True)
"""A controller may write an object between our look at it and our PUT."""


class Objects:
    """A cluster's objects of any kind, by what was recorded of them."""

    def __init__(self, api: client.ApiClient, cache: str) -> None:
        """`cache` is the path of a file, which need not exist, for the kinds that the cluster has."""
        self._dynamic = DynamicClient(api, cache_file=cache)  # type: ignore[no-untyped-call]

    def live(self, recorded: Object) -> dict[str, Any] | None:
        """The object as it is; None where it is gone. Raises `OpsError`."""
        try:
            where = self._where(recorded)
        except ResourceNotFoundError:
            return None
        try:
            return _plain(where[0].get(**where[1]))
        except ApiException as error:
            if error.status == 404:
                return None
            raise _told(error, recorded) from error

    @_again
    def replaced(self, recorded: Object, manager: str, *, dry_run: bool) -> tuple[Object, Object]:
        """The object as it is, and as it would be (with `dry_run`) or is now with what was recorded alone.

        Raises `RefusedError` where the server does not take it, and `OpsError`.
        """
        live = self.live(recorded)
        if live is None:
            raise OpsError(f"{title(recorded)} disappeared while it was being checked: try again")
        resource, where = self._where(recorded)
        options = {"field_manager": manager, **({"dry_run": "All"} if dry_run else {})}
        body = replacement(recorded, live)
        try:
            return live, _plain(resource.replace(body=body, **where, **options))
        except ApiException as error:
            if error.status == 409:
                raise
            raise _told(error, recorded) from error

    def create(self, recorded: Object, manager: str, *, dry_run: bool) -> None:
        """Make an object that is gone. Raises `OpsError`."""
        try:
            resource, where = self._where(recorded)
        except ResourceNotFoundError as error:
            kind = f"{recorded['kind']} ({recorded['apiVersion']})"
            raise OpsError(f"the cluster has no kind {kind}: install what provides it") from error
        options = {"field_manager": manager, **({"dry_run": "All"} if dry_run else {})}
        body = copy.deepcopy(dict(recorded))
        if not resource.namespaced:
            body["metadata"].pop("namespace", None)
        try:
            resource.create(body=body, namespace=where.get("namespace"), **options)
        except ApiException as error:
            raise _told(error, recorded) from error

    def _where(self, recorded: Object) -> tuple[Resource, dict[str, str]]:
        group, _, version = str(recorded["apiVersion"]).rpartition("/")
        prefix = {"prefix": "apis", "group": group} if group else {"prefix": "api"}
        resource = self._dynamic.resources.get(**prefix, api_version=version, kind=recorded["kind"])
        metadata = recorded["metadata"]
        namespace = {"namespace": metadata["namespace"]} if resource.namespaced else {}
        return resource, {"name": metadata["name"], **namespace}


def _plain(answer: Any) -> dict[str, Any]:
    return dict(answer.to_dict())


def reason(error: ApiException) -> str:
    """What the API server says."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def _told(error: ApiException, recorded: Object) -> OpsError:
    """The error of a request on an object; of a Secret no message: it may quote what it refuses."""
    said = str(error.reason) if recorded["kind"] == "Secret" else reason(error)
    kind = RefusedError if error.status == 422 else OpsError
    return kind(f"{title(recorded)} ({error.status}): {said}")
