"""The events of a study, and the spool that holds them."""
