"""Owns the log of frames: its files, and a session's part of them as a file that can be replayed.

A debugging aid beside the database, never a part of the truth: it may lack frames, and nothing is decided by it.
"""
