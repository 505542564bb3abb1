"""Pictures that Plotly draws, each a function from facts to JSON."""
