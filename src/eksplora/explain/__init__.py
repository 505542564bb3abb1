"""What trained networks have learned: importance of features, attributions, overlays, embeddings, the architecture."""
