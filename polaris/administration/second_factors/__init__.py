"""Second factors: passkeys, authenticator apps and recovery codes, and the sign-ins that need one.

An account that has a factor has no signed-in device that did not prove one: adding the first signs out every other
device, and no password alone signs one in from then on.
"""
