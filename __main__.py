"""What `pulumi up` runs: settings -> component -> outputs."""

import gc

import pulumi

from components.settings import load
from components.tracking import MlflowTracking

# What is imported is never garbage; to look through it again and again took a tenth of a preview.
gc.freeze()
server = MlflowTracking("mlflow", load())
for name, output in server.outputs().items():
    pulumi.export(name, output)
