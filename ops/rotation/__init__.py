"""The parts of `rotate`, one file each: the administrator, the database, the store, and what they share.

Each part first writes down in the cluster what it would need to be finished, then changes one thing after
the other, each so that it may be done twice. Cut short anywhere, it is finished by running it again.
"""
