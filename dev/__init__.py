"""`make run`: a supervisor that prepares a Polaris on this machine, and starts and ends all its processes together.

It is for trying and developing Polaris. A deployment runs the Procfile's processes under its own supervisor.
"""
