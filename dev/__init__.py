"""`make run`: prepares a Polaris on this machine, starts every process of it, and ends them all together.

For a person trying or developing Polaris. A real deployment runs the Procfile's processes under its own supervisor.
"""
