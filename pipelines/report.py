"""Write the report of an experiment from what its stages handed on."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("report")
