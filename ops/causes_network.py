"""Causes between the server and the people who want to reach it; `pulumi up` ends well in spite of most."""

from __future__ import annotations

from collections.abc import Iterator

from components import names
from ops.causes import Cause, Settings
from ops.release_pods import SERVER, component, condition, pods, ready
from ops.snapshot import Object, Snapshot, annotation, label

_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_LEGACY = "kubernetes.io/ingress.class"
_ISSUERS = {
    "cert-manager.io/cluster-issuer": ("cluster_issuers", "ClusterIssuer", "ingressClusterIssuer"),
    "cert-manager.io/issuer": ("issuers", "Issuer", "ingressIssuer"),
}


def ingress_class(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """An ingress that no controller reads."""
    if not snapshot.knows("ingress_classes"):
        return
    classes = {found["metadata"]["name"]: found for found in snapshot.all("ingress_classes")}
    listed = ", ".join(sorted(classes)) or "none: is there an ingress controller?"
    for ingress in snapshot.all("ingresses"):
        name, notes = ingress["metadata"]["name"], ingress["metadata"].get("annotations", {})
        wanted = ingress["spec"].get("ingressClassName") or notes.get(_LEGACY)
        default = any(annotation(found, _DEFAULT) == "true" for found in classes.values())
        if wanted in classes or (not wanted and default):
            if not ingress.get("status", {}).get("loadBalancer", {}).get("ingress"):
                yield Cause(
                    "ingress-not-served",
                    64,
                    f"No controller has given ingress {name} an address yet.",
                    f"kubectl describe ingress -n {snapshot.namespace} {name}\nits controller's log",
                    f"ingress/{name}: status.loadBalancer is empty",
                    certain=False,
                    blocks=False,
                )
            continue
        what = (
            f'Ingress class "{wanted}" does not exist'
            if wanted
            else "The cluster has no default ingress class"
        )
        yield Cause(
            "ingress-class-missing",
            60,
            f"{what} (existing: {listed}); nothing serves ingress {name}.",
            "kubectl get ingressclass\npulumi config set ingressClass NAME\npulumi up",
            f"ingress/{name}: ingressClassName is {wanted or 'not set'}",
            blocks=False,
        )


def certificate(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """TLS Secrets that are not there, and why nobody makes them."""
    if not snapshot.knows("secrets"):
        return
    there = {found["metadata"]["name"] for found in snapshot.all("secrets")}
    for ingress in snapshot.all("ingresses"):
        for tls in ingress["spec"].get("tls") or []:
            if tls.get("secretName") not in there:
                yield _uncertified(snapshot, ingress, str(tls.get("secretName")))


def _uncertified(snapshot: Snapshot, ingress: Object, secret: str) -> Cause:
    seen = f"ingress/{ingress['metadata']['name']}: Secret {secret} is not there"
    for issued_by, (kind, title, setting) in _ISSUERS.items():
        wanted = annotation(ingress, issued_by)
        if not wanted or kind in snapshot.denied:
            continue
        issuers = {found["metadata"]["name"]: found for found in snapshot.all(kind)}
        listed = ", ".join(sorted(issuers)) or "none"
        if not snapshot.knows(kind):
            what = f"cert-manager is not in the cluster, so {title} {wanted} issues no certificate."
            fix = "install cert-manager and the issuer, or bring a certificate: pulumi config rm "
            fix += f"{setting}, pulumi config set ingressTlsSecret NAME\npulumi up"
            return Cause("cert-manager-missing", 61, what, fix, seen, blocks=False)
        if wanted not in issuers:
            what = f'{title} "{wanted}" does not exist (existing: {listed}); nothing issues the certificate.'
            fix = f"kubectl get {title.lower()}s -A\npulumi config set {setting} NAME\npulumi up"
            return Cause("issuer-missing", 61, what, fix, seen, blocks=False)
        state = condition(issuers[wanted], "Ready")
        if state.get("status") != "True":
            what = f'{title} "{wanted}" is not ready.'
            fix = f"kubectl describe {title.lower()} {wanted} -n {snapshot.namespace}"
            seen = f"{title.lower()}/{wanted}: {state.get('message', 'no status')}"
            return Cause("issuer-not-ready", 62, what, fix, seen, blocks=False)
        return _pending(snapshot, secret, seen)
    what = f"The TLS Secret {secret} is not in namespace {snapshot.namespace}."
    fix = "create it (kubectl create secret tls), or: pulumi config set ingressTlsSecret NAME\npulumi up"
    return Cause("tls-secret-missing", 61, what, fix, seen, blocks=False)


def _pending(snapshot: Snapshot, secret: str, seen: str) -> Cause:
    for found in snapshot.all("certificates"):
        if found["spec"].get("secretName") == secret:
            said = condition(found, "Ready").get("message", "no status yet")
            seen = f"certificate/{found['metadata']['name']}: {said}"
    what = "The certificate has not been issued yet."
    look = f"kubectl describe certificate,order,challenge -n {snapshot.namespace}"
    fix = f"does the host's DNS name point to the ingress?\n{look}"
    return Cause("certificate-pending", 63, what, fix, seen, certain=False, blocks=False)


def services(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Load balancers that do not come, and a service that finds no pod."""
    for service in snapshot.all("services"):
        name = service["metadata"]["name"]
        served = service.get("status", {}).get("loadBalancer", {}).get("ingress")
        if service["spec"].get("type") == "LoadBalancer" and not served:
            yield Cause(
                "load-balancer-pending",
                55,
                f"Service {name} is waiting for a load balancer; not every cluster provides them.",
                "pulumi config rm --path extraValues.tracking.service.type\npulumi up",
                f"service/{name}: EXTERNAL-IP is pending",
                certain=False,
            )
    server, slices = names.tracking(snapshot.release), snapshot.objects.get("slices")
    if slices is None or not any(component(pod) == SERVER and ready(pod) for pod in pods(snapshot)):
        return
    mine = [one for one in slices if label(one, "kubernetes.io/service-name") == server]
    if not any(end.get("conditions", {}).get("ready") for one in mine for end in one.get("endpoints") or []):
        yield Cause(
            "service-without-pods",
            66,
            f"Service {server} selects no pod although one is ready.",
            f"its selector was changed by hand: kubectl get service -n {snapshot.namespace} {server} -o yaml",
            f"service/{server}: no ready endpoint",
            certain=False,
            blocks=False,
        )


def forward(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Another program has the port of this machine that should lead to the server."""
    if snapshot.forward:
        yield Cause(
            "port-forward-taken",
            65,
            f"The local port of this deployment leads elsewhere: {snapshot.forward}.",
            "end that program, or run `make up` again: it takes another port and prints it",
            f"port-forward: {snapshot.forward}",
            blocks=False,
        )


RULES = (ingress_class, certificate, services, forward)
