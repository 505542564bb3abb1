"""A search procedure judged as a whole: searched and confirmed on inner rows, measured on outer ones."""
