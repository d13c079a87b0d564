"""The stack whose credentials change, its cluster, and what a rotation that was cut short has left there."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components import names
from ops import cluster
from ops.stack import Stack

ENDING = "rotation"
"""The end of the name of the Secret that exists while a rotation is under way."""


def new_password(length: int = 32) -> str:
    """A password of letters and digits, as chart 5.1.17 and MLflow 3.3.2 (12 characters or more) need it."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


@dataclass(frozen=True)
class Target:
    """A stack and the way to its cluster; `config` are its plain settings."""

    stack: Stack
    config: Mapping[str, str]
    api: client.CoreV1Api

    @classmethod
    def of(cls, stack: Stack, config: Mapping[str, str] | None = None) -> Target:
        """The target that a stack's settings name: `config`, where they are known already.

        Raises `OpsError` where its context is unknown.
        """
        config = config or stack.config()
        return cls(stack, config, cluster.connect(config))

    @property
    def namespace(self) -> str:
        """The namespace of everything."""
        return self.config["namespace"]

    @property
    def release(self) -> str:
        """The name of the Helm release."""
        return self.config["releaseName"]

    @property
    def timeout(self) -> float:
        """Seconds that pods have to become ready."""
        return float(self.config["timeout"])

    def secret(self, name: str) -> dict[str, str]:
        """What a Secret holds, in clear; nothing where there is none."""
        found = cluster.unless_missing(lambda: self.api.read_namespaced_secret(name, self.namespace))
        return {key: base64.b64decode(text).decode() for key, text in ((found and found.data) or {}).items()}

    def change(self, name: str, texts: Mapping[str, str | None]) -> None:
        """Change keys of a Secret that exists; None takes one away."""
        data = {key: text if text is None else _encoded(text) for key, text in texts.items()}
        self.api.patch_namespaced_secret(name, self.namespace, {"data": data})

    # What a rotation has begun: one key of its own Secret for each part, JSON of what finishing it takes.

    @property
    def _begun(self) -> str:
        return names.own(self.release, ENDING)

    def begun(self) -> set[str]:
        """The parts that were begun and not finished."""
        return set(self.secret(self._begun))

    def kept(self, part: str) -> dict[str, str]:
        """What was written down for a part; nothing where it was not begun."""
        return dict(json.loads(self.secret(self._begun).get(part, "{}")))

    def begin(self, part: str, kept: Mapping[str, str]) -> None:
        """Write down, before anything is changed, what finishing a part takes."""
        text = json.dumps(kept)
        labels = {"app.kubernetes.io/instance": self.release}
        metadata = client.V1ObjectMeta(name=self._begun, labels=labels)
        body = client.V1Secret(metadata=metadata, data={part: _encoded(text)})
        try:
            self.api.create_namespaced_secret(self.namespace, body)
        except ApiException as error:
            if error.status != 409:
                raise
            self.change(self._begun, {part: text})

    def finish(self, part: str) -> None:
        """Forget what was written down for a part; with the last one the Secret goes."""
        if self.begun() - {part}:
            self.change(self._begun, {part: None})
        else:
            cluster.unless_missing(lambda: self.api.delete_namespaced_secret(self._begun, self.namespace))


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
