"""What a person is shown: progress, tables."""
