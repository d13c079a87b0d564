"""The lab goes without a trace. The last module by its name: the others want the lab that it takes down."""

from __future__ import annotations

import pytest

from tests.e2e import footprint
from tests.e2e.deployment import Deployment


@pytest.mark.alone
def test_down_leaves_nothing(deployment: Deployment, before: footprint.Footprint) -> None:
    """No process, mount, link, address, packet rule, control group, setting, name of a host or file."""
    during = footprint.taken().added_since(before)
    for kind in ("processes", "mounts", "links", "addresses", "packet_rules", "cgroups", "files", "settings"):
        assert during[kind], f"the test cannot see the lab's {kind}"
    deployment.make("down")
    left = footprint.taken().added_since(before)
    assert left == {}, left
    assert not (deployment.home / "run").exists()
