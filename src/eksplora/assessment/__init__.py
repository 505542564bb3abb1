"""A confirmed model on the test part."""
