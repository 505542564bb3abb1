"""Workers: where they live, and how a driver talks to them."""
