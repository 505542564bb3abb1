"""The commands: start, help, errors, signals and exit codes."""
