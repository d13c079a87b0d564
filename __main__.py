"""What `pulumi up` runs: settings -> component -> outputs."""

import pulumi

from components.settings import load
from components.tracking import MlflowTracking

server = MlflowTracking("mlflow", load())
for name, output in server.outputs().items():
    pulumi.export(name, output)
