"""Bounds that several rooms share."""

MAX_INT32 = 2**31 - 1  # a session's number: OCPP 1.6 has transaction ids as int32, and so have the columns
