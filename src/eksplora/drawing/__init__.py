"""Pictures that need nothing to be seen: SVG in small pages."""
