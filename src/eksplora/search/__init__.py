"""Choice of the next trials: spaces, samplers, and proposals that depend on nothing but the study's history."""
