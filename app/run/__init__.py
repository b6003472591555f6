"""`make run`: everything Microblog needs on one machine, started, watched and stopped by one process.

`bootstrap.py` makes the virtual environment (with the system's Python); inside it `python -m app.run` prepares the data
and hands over to the supervisor. In production systemd, a container or a host's Procfile does the supervisor's work.
"""
