"""`make run`: start, monitor and stop all processes that Microblog needs on one machine.

The system's Python runs `bootstrap.py`, which creates the virtual environment. In this environment, `python -m app.run`
prepares the data directory and the database, and runs the supervisor. In production, systemd, a container platform or a
Procfile runner replaces the supervisor.
"""
