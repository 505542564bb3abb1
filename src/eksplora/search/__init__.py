"""What to try next: spaces, samplers, and proposals that depend on nothing but the study's history."""
