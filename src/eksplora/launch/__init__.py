"""Where workers live, and how a driver talks to them."""
