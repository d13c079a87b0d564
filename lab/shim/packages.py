"""Prints what Pulumi's language host reads of `pip list -v --format json` in a virtual environment.

Run without site packages: `python -I -S packages.py PATH-OF-ITS-PYTHON`.
"""

import json
import sys
from pathlib import Path

site = Path(sys.argv[1]).parent.parent / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
found = [entry.name.removesuffix(".dist-info").rsplit("-", 1) for entry in site.glob("*.dist-info")]
packages = [
    {"name": name.replace("_", "-"), "version": version, "location": str(site)}
    for name, version in sorted(found)
]
print(json.dumps(packages))
