"""Readings by the part of the deployment that they are of; the first cause of each is known."""

from __future__ import annotations

from tests.unit.readings import cluster, images, network, pods, stores

CASES = [*cluster.CASES, *images.CASES, *pods.CASES, *stores.CASES, *network.CASES]
