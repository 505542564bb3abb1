"""Quality of predictions: measures, curves, intervals and examples, from arrays of predictions and targets."""
