"""The S3 keys: the new pair is tried from the server's pod, set in the stack, and rolled out.

Old pods use the old pair until the last of them is gone, so it is revoked at the store afterwards, by
whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib.resources import files

from ops import cluster, stack_file
from ops.console import OpsError, err, step
from ops.rotation import rollout
from ops.rotation.target import Target
from ops.stack import Stack

SETTINGS = ("s3AccessKeyId", "s3SecretAccessKey")
Pair = tuple[str, str]


class Store:
    """The S3 keys; `keys` gives the new pair, and is asked only where a store has keys to change."""

    name = "store"
    what = "the keys of the artifact store (the server's pods are replaced)"

    def __init__(self, keys: Callable[[], Pair | None]) -> None:
        self._keys = keys

    @cached_property
    def pair(self) -> Pair | None:
        """Access key id and secret access key; None where none were given."""
        return self._keys()

    def refusal(self, target: Target, /) -> str:
        """Why there is nothing to rotate here; empty where there is."""
        if target.config["artifactStore"] != "s3":
            return f"artifacts are in store {target.config['artifactStore']}, which has no S3 keys"
        if target.config["workloadIdentity"] == "true":
            return "the store identifies the server without keys (workloadIdentity)"
        if existing := target.config["s3ExistingSecret"]:
            return f"the keys are in your own Secret {existing}: change them where it comes from"
        if self.pair is None and not target.kept(self.name):
            return "no new keys were given (--store reads them from standard input: the id, then the secret)"
        return ""

    def check(self, target: Target) -> None:
        """The new pair works, asked from the server's own pod. Raises `OpsError` where it does not."""
        with step("Trying the new keys of the store, from the server's pod"):
            _tried(target, self._given(target) or _configured(target.stack))

    def rotate(self, target: Target) -> None:
        """Set the pair, roll it out, see it used; or finish what was begun. Raises `OpsError`."""
        given = self._given(target)
        if given:
            target.begin(self.name, dict(zip(SETTINGS, given, strict=True)))
            configure(target.stack, given)
        old = rollout.uids(target)
        with step("Changing the Secret and replacing the server's pods (pulumi up)"):
            target.stack.up()
            if rollout.uids(target) == old:
                # The keys were there already, or look alike: what restarts the pods has 16 bits.
                rollout.restart(target)
            rollout.gone(target, old)
        with step("Trying the keys that the new pods have"):
            if not _tried(target, given or _configured(target.stack)):
                raise OpsError("the server's pods do not have the new keys of the store: run it again")
        target.finish(self.name)
        err.print(
            "The old keys of the store are no longer used: revoke them there, and commit the stack's file"
        )

    def _given(self, target: Target) -> Pair | None:
        """The new pair: of this run, or of the one that began and wrote it down.

        None where an older commit began, which wrote down no pair: it is in the stack's file then.
        """
        if self.pair:
            return self.pair
        kept = target.kept(self.name)
        return (kept[SETTINGS[0]], kept[SETTINGS[1]]) if SETTINGS[0] in kept else None


def _tried(target: Target, pair: Pair) -> bool:
    """Whether the newest ready pod has this pair, which works. Raises `OpsError` where it does not work."""
    pod = cluster.tracking_pod(target.api, target.namespace, target.release)
    source = files("ops.rotation").joinpath("store_probe.py").read_text()
    with cluster.python_in_pod(target.api, target.namespace, pod, source) as ask:
        found = ask(*pair)
    if found["refused"]:
        raise OpsError(
            f"the store refuses these keys ({found['refused']}): they must be allowed to put, get and delete"
            " objects. Nothing was changed by this"
        )
    return bool(found["own"])


def _configured(stack: Stack) -> Pair:
    access, secret = (stack.read("config", "get", key).strip() for key in SETTINGS)
    return access, secret


def configure(stack: Stack, pair: Pair) -> None:
    """Set both secrets in the stack's file, both or none: half a pair would stop the next `pulumi up`."""
    with stack_file.aside(stack, stack.file.read_text()) as copy:
        copy.hide(dict(zip(SETTINGS, pair, strict=True)))
        stack_file.replace(stack.file, copy.file.read_text())
