"""The log of OCPP frames: its files, and the export of a session's frames for replay.

It is only a debugging aid: frames may be missing from it, and no decision depends on it.
"""
