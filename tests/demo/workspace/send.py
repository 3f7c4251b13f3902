# SPDX-License-Identifier: Apache-2.0
"""send.py FILE PORT: sends a file to whoever listens there."""
import socket
import sys

with open(sys.argv[1], "rb") as dump, socket.socket() as connection:
  try:
    connection.connect(("127.0.0.1", int(sys.argv[2])))
  except OSError as error:
    sys.exit(f"send.py: connect: {error}")
  connection.sendfile(dump)
