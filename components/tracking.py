"""The component: one MLflow tracking server on a Kubernetes cluster, from the Bitnami chart."""

from __future__ import annotations

import shlex
from typing import Any

import pulumi
from pulumi_kubernetes import Provider

from components import credentials, names
from components.adopted import note
from components.backup import backups
from components.dashboard import dashboard
from components.housekeeping import housekeeping
from components.kinds import Namespace, Release
from components.secrets import stack_secrets
from components.settings import Settings
from components.settings.model import secret_of
from components.tokens import COMPONENT
from components.values import values
from components.values_network import tracking_url
from components.values_restart import with_later
from components.values_stores import artifact_root


class MlflowTracking(pulumi.ComponentResource):
    """Namespace, Secrets and Helm release of one server, and the login that the chart makes.

    Its children belong to a Kubernetes provider of its own, bound to the context that the settings name. In
    production the engine refuses to delete or replace any that data or its passwords go with.
    """

    tracking_url: pulumi.Output[str]
    """Where people and clients reach the server."""
    service_url: pulumi.Output[str]
    """The server's URL inside the cluster."""
    admin_username: pulumi.Output[str]
    """The administrator's user name; secret."""
    admin_password: pulumi.Output[str]
    """The administrator's password; secret."""
    namespace: pulumi.Output[str]
    """The namespace of everything."""
    release: pulumi.Output[dict[str, Any]]
    """The Helm release: name, chart_version, app_version, revision, status."""
    artifact_root: pulumi.Output[str]
    """Where artifacts are kept, as MLflow names it."""
    port_forward: pulumi.Output[str]
    """A command that brings the server to http://localhost:5000."""
    login: pulumi.Output[str]
    """How to log in; holds no secret."""

    _LOGIN = (
        "`pulumi stack output admin_username --show-secrets`"
        " and `pulumi stack output admin_password --show-secrets`"
    )
    """Where user and password are."""

    def __init__(self, name: str, args: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        """`name` is the prefix of the children's names; `args` come from `components.settings`."""
        # An input, so that policies see it before anything is made (`ops/policy/evidence.py`).
        super().__init__(COMPONENT, name, {"production": args.production}, opts)
        if held := note(args):
            pulumi.log.warn(held, self)
        provider = _provider(name, args, pulumi.ResourceOptions(parent=self))
        child = pulumi.ResourceOptions(parent=self, provider=provider, protect=args.protect)
        self.namespace = _namespace(name, args, child)
        secrets = stack_secrets(name, args, self.namespace, self, provider)
        release = _release(
            name,
            args,
            self.namespace,
            pulumi.ResourceOptions(parent=self, provider=provider, protect=args.protect, depends_on=secrets),
        )
        after = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=[release])
        for what, scheduled in {"backup": backups(args), "housekeeping": housekeeping(args)}.items():
            if scheduled:
                scheduled.register(f"{name}-{what}", self.namespace, after)
        dashboard(name, args, self.namespace, pulumi.ResourceOptions(parent=self, provider=provider))
        login = credentials.read(
            name,
            release,
            args.release_name,
            args.namespace,
            after,
        )
        self.admin_username, self.admin_password = login.username, login.password
        self.release = release.status.apply(
            lambda status: {
                "name": status["name"],
                "chart_version": status["version"],
                "app_version": status["appVersion"],
                "revision": int(status["revision"]),
                "status": status["status"],
            }
        )
        inside = names.service_url(args.release_name, args.namespace)
        url = tracking_url(args, inside)
        self.service_url = pulumi.Output.from_input(inside)
        self.tracking_url = pulumi.Output.from_input(url)
        self.artifact_root = pulumi.Output.from_input(artifact_root(args))
        self.port_forward = pulumi.Output.from_input(_port_forward(args))
        self.login = pulumi.Output.from_input(f"{url} with {self._LOGIN}")
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, pulumi.Output[Any]]:
        """All outputs by name, as the stack exports them."""
        return {output: getattr(self, output) for output in MlflowTracking.__annotations__}


def _provider(name: str, args: Settings, opts: pulumi.ResourceOptions) -> Provider:
    """The way to the cluster.

    Without a kubeconfig of the stack's own the provider looks for one as kubectl does. The SDK would put the
    path in KUBECONFIG into the state: on the next person's machine there is no such file, and the
    comparison of old and new fails on it.
    """
    return Provider(
        f"{name}-cluster",
        context=args.context,
        kubeconfig=pulumi.Output.from_input(args.kubeconfig or None),
        # A changed Secret is changed, and not deleted and made again under the pods that start meanwhile.
        enable_secret_mutable=True,
        # What was edited by hand has another field manager: without this the next update is a conflict.
        enable_patch_force=True,
        opts=opts,
    )


def _namespace(name: str, args: Settings, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The namespace's name, after it exists."""
    if not args.create_namespace:
        return pulumi.Output.from_input(args.namespace)
    enforced = {} if args.pod_security == "none" else {names.POD_SECURITY: args.pod_security}
    made = Namespace(f"{name}-namespace", args.namespace, enforced, opts)
    return made.metadata.apply(lambda metadata: str(metadata["name"]))


def _release(
    name: str, args: Settings, namespace: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> Release:
    """The Helm release. Never `atomic`: that would uninstall a failed first install and lose its evidence."""
    private = {
        "username": args.chart_username,
        "password": secret_of(args, "chart_password"),
        **({"caFile": args.chart_ca_file} if args.chart_ca_file else {}),
    }
    inputs = {
        "name": args.release_name,
        "namespace": namespace,
        "chart": args.chart,
        "version": args.chart_version,
        "repositoryOpts": private if args.chart_username else None,
        "values": with_later(values(args), args),
        "timeout": args.timeout,
        "maxHistory": args.release_history,
        "atomic": False,
        "cleanupOnFail": True,
        "skipAwait": False,
        "waitForJobs": True,
    }
    return Release(f"{name}-release", inputs, opts)


def _port_forward(args: Settings) -> str:
    """The command, ready to paste."""
    where = f"--context {shlex.quote(args.context)} --namespace {args.namespace}"
    service = f"service/{names.tracking(args.release_name)}"
    return f"kubectl {where} port-forward {service} 5000:{names.SERVICE_PORT}"
