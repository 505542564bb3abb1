"""Write docs/catalogue.md: every part and key that a configuration may have."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("catalogue")
