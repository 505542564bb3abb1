"""Write dvc.yaml: the stages of every experiment and what they depend on."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("dag")
