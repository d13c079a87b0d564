"""What a platform asks of every stack: rules over what `pulumi up` would make, before it makes it.

The same rules two ways: `make policy`, and the policy pack in `policy/` that the engine loads.
"""
