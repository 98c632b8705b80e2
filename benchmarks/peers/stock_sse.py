"""A peer: a small Flask application with stock flask-sse as its documentation sets it up. REDIS_URL is its setting."""

import os

from flask import Flask
from flask_sse import sse

app = Flask(__name__)
app.config["REDIS_URL"] = os.environ["REDIS_URL"]
app.register_blueprint(sse, url_prefix="/stream")
