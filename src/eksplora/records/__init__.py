"""Results that one stage hands on to the next."""
