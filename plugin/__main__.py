"""What the engine starts for a program that uses the component, which is in the folder above."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from components.hosted import serve

serve(sys.argv[1:])
