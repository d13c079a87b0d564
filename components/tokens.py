"""How the engine's states name types and mark secrets; beside `kinds`, which costs the import of the SDK."""

from __future__ import annotations

STACK = "pulumi:pulumi:Stack"
PROVIDER = "pulumi:providers:kubernetes"
COMPONENT = "mlflow:index:MlflowTracking"
RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a type token
PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type token
KUBERNETES = "kubernetes:"
"""What the types of all objects in a cluster begin with, and that of a release."""

SIGNED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""By which a state marks a secret; `pulumi stack import` encrypts its `plaintext` (Pulumi 3.259)."""
