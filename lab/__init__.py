"""A real one-machine Kubernetes for development and tests; the program never imports it."""
