"""The lab's own bridge and addresses (RFC 2544: nothing of it leaves the machine)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from lab import paths

BRIDGE = "mlflow-lab0"
HARDWARE_ADDRESS = "02:00:c6:12:00:01"
"""Fixed: a bridge takes the lowest address of its ports, so each new pod could cost the others the gateway,
and with it all names, until they ask for its address again, some 40 s later."""
GATEWAY = "198.18.0.1"
PODS = "198.18.0.0/24"
SERVICES = "198.19.0.0/16"
ALL = "198.18.0.0/15"
DNS = GATEWAY
DOMAIN = "cluster.local"

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_SAVED = "ip_forward"


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True, text=True)


def up() -> None:
    """Make the bridge and let packets pass between pods; the machine's old setting is remembered."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        _ip("link", "add", BRIDGE, "address", HARDWARE_ADDRESS, "type", "bridge")
    _ip("address", "replace", f"{GATEWAY}/24", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    saved = paths.run() / _SAVED
    if not saved.exists():
        saved.write_text(_FORWARDING.read_text())
    _FORWARDING.write_text("1")
    conf = paths.run() / "cni" / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    plugin = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(paths.run() / "cni" / "addresses"),
            "ranges": [[{"subnet": PODS, "rangeStart": "198.18.0.10", "gateway": GATEWAY}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    config = {"cniVersion": "0.4.0", "name": BRIDGE, "plugins": [plugin]}
    (conf / "10-lab.conflist").write_text(json.dumps(config))


def down() -> None:
    """Remove the bridge, what hangs on it, and the rules of kube-proxy; put the old setting back."""
    for link in sorted(Path("/sys/class/net").iterdir()):
        master = link / "master"
        if master.exists() and master.resolve().name == BRIDGE:
            subprocess.run(["ip", "link", "delete", link.name], check=False, capture_output=True)
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        _ip("link", "delete", BRIDGE)
    saved = paths.run() / _SAVED
    if saved.exists():
        _FORWARDING.write_text(saved.read_text())
        saved.unlink()
