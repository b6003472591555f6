FLASK_APP=commands.py
