"""How plots and reports look, in one place: scales and ticks, the pieces of an SVG, colours for light and dark. Pure text."""
