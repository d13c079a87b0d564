"""The policy pack (`pulumi preview --policy-pack policy`); its rules are those of `make policy`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ops.policy.pack import serve

serve()
