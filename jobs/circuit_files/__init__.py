"""Circuits from files of other programs, which are not trusted."""
