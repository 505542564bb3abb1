"""Colours that colour-blind people can distinguish."""

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
"""Okabe and Ito's palette (Color Universal Design, 2008); its yellow is too pale on white, its black unseen."""

GREY = "#8a8f98"
