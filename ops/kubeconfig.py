"""The way to a cluster that a kubeconfig names, read as `kubectl` and `pulumi` read it.

Python's client reads some of it otherwise (kubernetes 37.0): that is mended here, or refused.
"""

from __future__ import annotations

import os
import ssl
from urllib.parse import unquote

from kubernetes import client, config
from kubernetes.client.rest import should_bypass_proxies
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger
from urllib3.util import make_headers, parse_url

from ops.console import OpsError

SOCKS = (
    "kubectl and pulumi can use a SOCKS proxy, these commands cannot: use an HTTP proxy (HTTPS_PROXY, or"
    " proxy-url in the kubeconfig), or no proxy and the context of a tunnel (ssh -L)"
)
_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")


class _Merger(KubeConfigMerger):
    """All files of a `KUBECONFIG`; one without content counts as one that is not there."""

    def load_config(self, path: str) -> None:
        try:
            super().load_config(path)  # type: ignore[no-untyped-call]
        except config.ConfigException:
            self.paths.remove(path)


def configuration(context: str, files: str = "") -> client.Configuration:
    """For a client: a context of a kubeconfig (empty: the default). Raises `OpsError`."""
    # The library reads KUBECONFIG when it is imported, which may be before `make up` has set it.
    files = files or os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        made = _read(context, files)
    except config.ConfigException as error:
        raise OpsError(f"kube context {context!r}: {error}") from error
    proxy = parse_url(made.proxy or "")
    if (proxy.scheme or "").startswith("socks") and not should_bypass_proxies(made.host, made.no_proxy or ""):
        raise OpsError(f"kube context {context!r}: {SOCKS}")
    user, _, password = (proxy.auth or "").partition(":")
    if user:
        # Latin-1 is what the header is made with: the bytes stay those of the URL, UTF-8 as Go sends it.
        made.proxy_headers = make_headers(proxy_basic_auth=unquote(f"{user}:{password}", "latin-1"))
    return made


def _read(context: str, files: str) -> client.Configuration:
    merged, made = _Merger(files), client.Configuration()  # type: ignore[no-untyped-call]
    if merged.config is None:
        raise config.ConfigException(f"there is nothing in {files}")
    loader = KubeConfigLoader(  # type: ignore[no-untyped-call]
        merged.config, context, config_base_path=None, config_persister=merged.save_changes
    )
    if loader._user and any(map(loader._user.safe_get, _IMPERSONATION)):
        # The library sends none of its headers with an exec.
        raise config.ConfigException(
            "its user impersonates another one (`as`). kubectl and pulumi can do that, these commands cannot:"
            " use a context whose user has the rights itself"
        )
    loader.load_and_set(made)  # type: ignore[no-untyped-call]
    if not made.ssl_ca_cert and "SSL_CERT_DIR" not in os.environ:
        # Else an exec trusts certifi alone. The loader sets its own again before each request.
        loader.ssl_ca_cert = made.ssl_ca_cert = ssl.get_default_verify_paths().cafile
    return made
