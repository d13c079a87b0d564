"""The last resort: extra values come last, and what they may do."""

from __future__ import annotations

import pytest

from components.settings import WrongSettings
from components.values import merged, values
from tests.unit.settled import at, of


def test_extra_values_come_last_and_append_to_our_lists() -> None:
    extra = {
        "tracking": {"extraArgs": ["--workers=8"], "nodeSelector": {"disk": "ssd"}},
        "postgresql": {"primary": {"startupProbe": {"failureThreshold": 9}}},
    }
    found = values(of(extraValues=extra))
    assert at(found, "tracking.extraArgs")[1:] == ["--workers=2", "--workers=8"]
    assert at(found, "tracking.nodeSelector") == {"disk": "ssd"}
    assert at(found, "postgresql.primary.startupProbe.failureThreshold") == 9
    assert at(found, "postgresql.primary.startupProbe.enabled") is True
    assert at(values(of(extraValues={"commonLabels": {"a": "b"}})), "commonLabels.a") == "b"


def test_extra_values_may_name_secrets_that_exist() -> None:
    reference = {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "token"}}}
    tracking = {
        "extraEnvVars": [reference],
        "extraEnvVarsSecret": "mine",
        "automountServiceAccountToken": True,
    }
    assert at(values(of(extraValues={"tracking": tracking})), "tracking.extraEnvVars")[-1:] == [reference]


def test_another_chart_may_have_names_of_its_own_but_no_mistyped_ones() -> None:
    new = {"tracking": {"brandNewThing": True}}
    assert at(values(of(chartVersion="6.0.0", extraValues=new)), "tracking.brandNewThing") is True
    with pytest.raises(WrongSettings, match="did you mean nodeSelector"):
        of(chartVersion="6.0.0", extraValues={"tracking": {"nodeSelecter": {"a": "b"}}})


def test_own_tls_is_kept_when_extra_values_add_more() -> None:
    more = {"hosts": ["n.example.com"], "secretName": "n"}
    found = values(
        of(
            ingressHost="m.example.com",
            ingressTlsSecret="cert",
            extraValues={"tracking": {"ingress": {"extraTls": [more]}}},
        )
    )
    own = {"hosts": ["m.example.com"], "secretName": "cert"}
    assert at(found, "tracking.ingress.extraTls") == [own, more]


def test_merging_changes_neither_side() -> None:
    base, over = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merged(base, over) == {"a": {"b": 1, "c": 2}}
    assert (base, over) == ({"a": {"b": 1}}, {"a": {"c": 2}})
