"""The jobs of a worker: building and training what a driver sends."""
