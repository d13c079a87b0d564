"""Wrong configurations by the part of the program that they are for; each is refused with key and fix."""

from __future__ import annotations

from tests.unit.wrong import adopted, backup, cluster, housekeeping, maps, server, stores, texts

FIRST = [
    *cluster.VALUES,
    *cluster.NETWORK,
    *cluster.KEYS,
    *stores.STORES,
    *stores.DATABASE,
    *server.SERVER,
    *server.EXTRA,
    *server.REST,
    *backup.BACKUP,
    *housekeeping.HOUSEKEEPING,
]
"""Every setting at least once."""
SECOND = [
    *texts.NUMBERS,
    *texts.NAMES,
    *texts.HOSTS,
    *texts.IMAGES,
    *maps.QUANTITIES,
    *maps.MAPS,
    *maps.HIDDEN,
    *maps.EXTRA,
    *maps.UNKNOWN,
    *adopted.ADOPTED,
]
"""What a person has to think of."""
CASES = [*FIRST, *SECOND]
