"""Explain the confirmed model: what it looks at, and what it is made of."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("explain")
