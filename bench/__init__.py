"""Speed, measured as ratios within one run: machines differ and are noisy, ratios less so.

May touch: nothing by itself.
Never does: decide anything; a figure is for a person to read.
"""
