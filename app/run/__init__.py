"""`make run`: one process starts, monitors and stops everything that Microblog needs on one machine.

`bootstrap.py` creates the virtual environment (with the system's Python). Inside it `python -m app.run` prepares the
data and starts the supervisor. In production systemd, a container or a Procfile of the host replaces the supervisor.
"""
