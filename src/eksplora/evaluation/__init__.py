"""What predictions are worth: measures, curves, intervals and examples, from arrays of predictions and targets."""
