"""Open the test part for the confirmed model, once."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("evaluate")
