"""Run a reference exploration: its one-factor studies over several members, and the verdicts on its claims."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("explore")
