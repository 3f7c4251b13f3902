# SPDX-License-Identifier: Apache-2.0
"""The demo's world: a scratch directory, the daemon, a web server, a database's port, and the agent's session."""
import contextlib
import functools
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from screen import TerminalReader, open_terminal, take_terminal

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 120.0  # seconds for any state to come; emulation beside a busy host is slow
KEY = ["-----BEGIN OPENSSH " "PRIVATE KEY-----", "of the demo, opens nothing", "-----END OPENSSH " "PRIVATE KEY-----"]
TICKET = "Ticket 4711: whoever writes the name in capitals cannot log in.\n"
GIT = "[user]\n\tname = coder\n\temail = coder@example.com\n[init]\n\tdefaultBranch = main\n"


def wait_until(what, condition):
  """Value of the condition once it is true. Error: TimeoutError."""
  end = time.monotonic() + LIMIT
  while not (value := condition()):
    if time.monotonic() > end:
      raise TimeoutError(f"still not so after {LIMIT:.0f} s: {what}")
    time.sleep(0.01)
  return value


class Api(http.client.HTTPConnection):
  """GET on the daemon's unix socket."""

  def __init__(self, path):
    super().__init__("localhost", timeout=LIMIT)
    self.path = path

  def connect(self):
    self.sock = socket.socket(socket.AF_UNIX)
    self.sock.settimeout(self.timeout)
    self.sock.connect(self.path)


class Database:
  """Listens where PostgreSQL would, and counts what reaches it."""

  def __init__(self, port):
    self.connections = 0
    self.bytes = 0
    self.socket = socket.create_server(("127.0.0.1", port))
    threading.Thread(target=self.serve, daemon=True).start()

  def serve(self):
    with contextlib.suppress(OSError):
      while True:
        connection, _ = self.socket.accept()
        self.connections += 1
        with connection:
          while data := connection.recv(65536):
            self.bytes += len(data)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
  def log_message(self, *_):
    pass


class Stage:
  """Use as a context manager: leaving it ends the agent, unloads the programs and removes the scratch directory."""

  def __init__(self, build):
    self.build = build
    self.agent = None
    self.daemon = None
    self.loaded = False
    given = os.environ.get("HOLDPOINT_TEST_TMP")
    self.root = pathlib.Path(given or tempfile.mkdtemp(prefix="holdpoint-demo-"))
    self.mine = not given
    self.pins = os.environ.get("HOLDPOINT_TEST_PIN", f"/sys/fs/bpf/{self.root.name}") + "/holdpoint"
    self.cgroup = pathlib.Path(os.environ.get("HOLDPOINT_TEST_CGROUP", f"/sys/fs/cgroup/{self.root.name}"))
    self.socket = str(self.root / "run/api.sock")
    self.key = self.root / "home/.ssh/id_ed25519"
    self.deployed = self.root / "home/deployed"
    self.workspace = self.root / "workspace"

  def __enter__(self):
    try:
      self.furnish()
    except BaseException:
      self.__exit__(*sys.exc_info())
      raise
    return self

  def furnish(self):
    for name in ("policies", "home/.ssh", "web"):
      (self.root / name).mkdir(parents=True)
    pathlib.Path(self.pins).parent.mkdir(exist_ok=True)
    shutil.copy(HERE / "policy.yaml", self.root / "policies/10-demo.yaml")
    shutil.copytree(HERE / "workspace", self.workspace)
    shutil.copytree(HERE / "bin", self.root / "bin")
    (self.root / "bin/holdpoint").symlink_to(self.build / "userspace/cli/holdpoint")
    self.key.write_text("\n".join(KEY) + "\n")
    self.key.chmod(0o600)
    (self.root / "home/.gitconfig").write_text(GIT)
    (self.root / "web/4711.txt").write_text(TICKET)
    os.environ["HOLDPOINT_SOCKET"] = self.socket
    os.environ["PATH"] = f"{self.root}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}"
    handler = functools.partial(QuietHandler, directory=str(self.root / "web"))
    self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=self.web.serve_forever, daemon=True).start()
    try:
      self.database = Database(5432)
    except OSError as error:
      raise RuntimeError(f"cannot listen on 127.0.0.1:5432, where the demo's database is: {error.strerror}") from error

  # -- the daemon

  def arguments(self, *more):
    return [str(self.build / "userspace/daemon/holdpointd"), "--policies", str(self.root / "policies"),
            "--config", str(self.root / "config"), "--state", str(self.root / "state"),
            "--runtime", str(self.root / "run"), "--pins", self.pins, "--group", "root",
            "--sessions", "/" + str(self.cgroup.relative_to("/sys/fs/cgroup")), *more]

  def start_daemon(self):
    self.loaded = True
    with open(self.root / "daemon.log", "wb") as log:
      self.daemon = subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_until("the daemon answers", self.answers)

  def answers(self):
    if self.daemon.poll() is not None:
      raise RuntimeError(f"holdpointd ended with {self.daemon.returncode}:\n{self.daemon_log()}")
    try:
      return self.get("/v1/health")
    except OSError:
      return None

  def daemon_log(self):
    return (self.root / "daemon.log").read_text(errors="replace")

  def stop_daemon(self):
    if self.daemon and self.daemon.poll() is None:
      self.daemon.terminate()
      self.daemon.wait(LIMIT)

  def unload(self):
    subprocess.run(self.arguments("--unload"), check=True, timeout=LIMIT)
    self.loaded = False

  def get(self, path):
    api = Api(self.socket)
    try:
      api.request("GET", path)
      answer = api.getresponse()
      body = json.loads(answer.read())
      if answer.status != 200:
        raise RuntimeError(f"GET {path}: {answer.status} {body}")
      return body
    finally:
      api.close()

  def counter(self, name):
    return self.get("/v1/health")["counters"][name]

  def open_request(self):
    """The request that the agent waits for now."""
    def look():
      if self.agent.poll() is not None:
        raise RuntimeError("the agent ended, and should be held")
      return self.get("/v1/requests?state=open")["requests"]
    return wait_until("the agent is held", look)[0]

  # -- the agent

  def start_agent(self, words, colours):
    """`holdpoint run` with these words on a terminal of its own, as a person would start it."""
    ours, theirs = open_terminal(90)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MAKE", "MFLAGS"))}
    environment |= {"HOME": str(self.root / "home"), "LC_ALL": "C.UTF-8", "GIT_PAGER": "cat", "PYTHONDONTWRITEBYTECODE": "1",
                    "TERM": "xterm" if colours else "dumb", "KEY": str(self.key),
                    "TICKET": f"http://127.0.0.1:{self.web.server_port}/4711.txt"}
    self.agent = subprocess.Popen(["holdpoint", "run", *words, "--", "bash", str(HERE / "agent.sh")], cwd=self.workspace,
                                  stdin=theirs, stdout=theirs, stderr=theirs, env=environment, preexec_fn=take_terminal)
    os.close(theirs)
    self.lines = TerminalReader(ours)

  def agent_line(self):
    return self.lines.line(LIMIT)

  def __exit__(self, kind, value, trace):
    if kind is not None and (self.root / "daemon.log").exists():
      sys.stderr.write(f"---- log of holdpointd\n{self.daemon_log()[-4000:]}\n")
    if self.agent and self.agent.poll() is None:
      self.agent.kill()
      self.agent.wait()
    with contextlib.suppress(Exception):
      self.stop_daemon()
    if self.loaded:
      self.unload()
    if self.mine:
      with contextlib.suppress(FileNotFoundError):
        pathlib.Path(self.pins).parent.rmdir()
      remove_cgroup(self.cgroup)
      shutil.rmtree(self.root)


def remove_cgroup(top):
  """Ends what is left in a cgroup and removes it with all below, the deepest first."""
  if top.is_dir():
    (top / "cgroup.kill").write_text("1")
    wait_until("the session's processes are gone", lambda: "populated 0" in (top / "cgroup.events").read_text())
  for path, _, _ in os.walk(top, topdown=False):
    os.rmdir(path)
