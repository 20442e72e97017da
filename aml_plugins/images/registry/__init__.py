"""Container registries over HTTP: the protocol that all of them speak, and who may use it."""
