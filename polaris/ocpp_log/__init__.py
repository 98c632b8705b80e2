"""The log of OCPP frames: its files, and the export of a session's frames for replay.

A debugging aid beside the database: frames may be missing from it, and no decision depends on it.
"""
