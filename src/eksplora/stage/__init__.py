"""What the pipelines do, one module each; the driver of studies."""
