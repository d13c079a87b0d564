"""The Pulumi program: settings -> values -> component -> credentials, each step one small module."""
