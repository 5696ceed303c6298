"""Figures, each beside a baseline of the same run: `python -m bench [match|pages|memory]`."""
