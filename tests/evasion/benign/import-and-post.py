"""A script imports half of the standard library and posts JSON."""
import asyncio  # noqa: F401
import email  # noqa: F401
import json
import os
import sqlite3  # noqa: F401
import ssl  # noqa: F401
import urllib.request

body = json.dumps({"figures": list(range(100000))}).encode()
urllib.request.urlopen(urllib.request.Request(os.environ["EV_WEB"], body)).read()
