"""Explanation of trained networks: importance of features, attributions, overlays, embeddings, the architecture."""
