"""Boards, array emulator and host driver; empty until the first board comes."""
