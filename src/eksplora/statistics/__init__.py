"""Statistics of results: intervals, paired tests, corrections and verdicts, as pure functions of plain numbers."""
