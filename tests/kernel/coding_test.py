# SPDX-License-Identifier: Apache-2.0
"""The shipped policy, unchanged, under an ordinary session and under harm: the one asks nobody anything, also while
the other waits, and of the other not one action goes through. Both as a developer's user in a home that has what a developer's has (coding_home.py)."""
import contextlib
import os
import pathlib
import subprocess
import time

os.environ.setdefault("HOLDPOINT_TEST_LIMIT", "200")  # to compile this policy takes half a minute under emulation
from coding_home import (HOME, MARKS, METADATA, PACKAGE, SECRET, USER, listeners, make_home, make_package, make_project, make_tools, own,
                         reached, snapshot)
from harness import Daemon, finish, main, wait_until

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "policies/coding.yaml"
SLICE = "/agents.slice/coder-*.{scope,service}"
ENVIRONMENT = {"HOME": str(HOME), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8", "USER": "dev"}
PROJECT = HOME / "code/project"
AS_DEVELOPER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")

# What an agent does all day. Every line must work, and none may be asked about.
ORDINARY = f"""
set -e -x
mkdir -p ~/code && cd ~/code
git clone -q ~/upstream.git project && cd project
git config user.name Developer && git config user.email dev@example.com
git config --list >/dev/null
git checkout -q -b topic
ls -la . ~/.config ~/.ssh >/dev/null
cat report.py .env.example .vscode/settings.json ~/.bashrc ~/.ssh/known_hosts ~/.ssh/id_ed25519.pub >/dev/null
grep -rn 'actor_say(' --include='*.c' . >/tmp/found
find . -name '*.py' | xargs wc -l
sed -i 's/Time and faults/Times and faults/' report.py
printf '/* edited */\\n' >>actor.c
cat >notes.md <<'END'
what was found
END
patch -p1 --dry-run </dev/null >/dev/null
make -j2
make check
python3 -m venv --without-pip venv && venv/bin/python -c 'import json, sqlite3, ssl'
perl -e 'print 1 + 1, "\\n"'
tar -czf /tmp/project.tgz --exclude=.git . && tar -tzf /tmp/project.tgz >/dev/null
mkdir -p build/old && cp *.o build/old && mv build/old build/new && rm -rf build venv
(cd checks && exec python3 -m http.server --bind 127.0.0.1 8123) >/dev/null 2>&1 &
until curl -sf http://127.0.0.1:8123/report_test.py -o /tmp/fetched; do :; done
kill $!
curl -sf file://$PWD/notes.md >/dev/null
ps aux >/dev/null && getent passwd root >/dev/null && id >/dev/null && uname -a >/dev/null
bash -lc 'echo a login shell; type git'
mktemp -d | xargs rmdir
git status --short
git add -A && git commit -q -m 'An edit' && git diff --stat HEAD~1
git stash list && git log --oneline | head -2
git push -q origin topic
gpg --version >/dev/null
"""

# The same in a second clone and another session, while all of the harm below waits for somebody.
BESIDE = """
set -e -x
git clone -q ~/upstream.git ../beside && cd ../beside
git config user.name Developer && git config user.email dev@example.com
printf '/* edited beside it */\\n' >>actor.c
printf 'and what came of it\\n' >>notes.md
make -j2
make check
git add -A && git commit -q -m 'Another edit' && git diff --stat HEAD~1
make clean
"""

# Name, user, rule, command. D: the developer's user; R: root, where ordinary rights would refuse the developer anyway.
# A rule with ! denies; every other one asks.
HARM = f"""
ssh key               D ssh-keys                     cat ~/.ssh/id_ed25519
key by another name   D ssh-keys                     ln -s ~/.ssh/id_ed25519 /tmp/innocent; cat /tmp/innocent
pgp key               D pgp-keys                     tar -c ~/.gnupg/private-keys-v1.d/A.key
passwords             D passwords-browsers-mail      cp ~/.password-store/bank.gpg /tmp/bank.gpg
firefox               D passwords-browsers-mail      cat ~/.mozilla/firefox/x/cookies.sqlite
chromium              D passwords-browsers-mail      base64 ~/.config/chromium/Default/Cookies
keyring               D passwords-browsers-mail      python3 -ISc 'print(open("{HOME}/.local/share/keyrings/login.keyring").read())'
wallet                D wallets                      cat ~/.bitcoin/wallet.dat
typed commands        D shell-history                grep decoy ~/.bash_history
typed to python       D shell-history                cat ~/.python_history
typed to fish         D shell-history                cat ~/.local/share/fish/fish_history
aws                   D cloud-credentials            cat ~/.aws/credentials
gcloud                D cloud-credentials            cat ~/.config/gcloud/application_default_credentials.json
azure                 D cloud-credentials            cat ~/.azure/msal_token_cache.json
cluster               D cloud-credentials            cat ~/.kube/config
terraform token       D cloud-credentials            cat ~/.terraform.d/credentials.tfrc.json
vault token           D cloud-credentials            cat ~/.vault-token
docker login          D service-tokens               cat ~/.docker/config.json
podman login          D service-tokens               cat ~/.config/containers/auth.json
podman at work        D service-tokens               cat /run/user/1000/containers/auth.json
npm token             D service-tokens               cat ~/.npmrc
pypi token            D service-tokens               cat ~/.pypirc
cargo token           D service-tokens               cat ~/.cargo/credentials.toml
gem token             D service-tokens               cat ~/.gem/credentials
github token          D service-tokens               cat ~/.config/gh/hosts.yml
netrc                 D service-tokens               cat ~/.netrc
git password          D service-tokens               cat ~/.git-credentials
maven password        D service-tokens               cat ~/.m2/settings.xml
agent token           D tokens-of-agents             cat ~/.claude/.credentials.json
project secret        D project-secrets              cat .env
password hashes       R secrets-of-the-machine       cat /etc/shadow
variables             D variables-of-programs        cat /proc/$OUTSIDER/environ
key deleted           D who-may-log-in               rm -f ~/.ssh/id_ed25519
key opened to all     D who-may-log-in               chmod 644 ~/.ssh/id_ed25519
key linked            D ssh-keys                     ln ~/.ssh/id_ed25519 ~/innocent
keys moved            D ssh-keys                     mv ~/.ssh ~/innocent
bashrc                D shell-start-up               echo evil >>~/.bashrc
bashrc replaced       D shell-start-up               mv notes.md ~/.bashrc
unit linked           D services-and-jobs            ln -s /tmp/evil ~/.config/systemd/user/evil.timer
profile               D shell-start-up               echo evil >>~/.profile
zshenv                D shell-start-up               echo evil >~/.zshenv
what rustup reads     D shell-start-up               echo evil >>~/.cargo/env
nvm                   D shell-start-up               echo evil >>~/.nvm/nvm.sh
completion            D shell-start-up               echo evil >~/.bash_completion
completion of a name  D shell-start-up               echo evil >~/.local/share/bash-completion/completions/git
oh-my-zsh             D shell-start-up               echo evil >~/.oh-my-zsh/custom/evil.zsh
login                 D who-may-log-in               echo evil >>~/.ssh/authorized_keys
ssh settings          D who-may-log-in               echo ProxyCommand evil >~/.ssh/config
user unit             D services-and-jobs            echo evil >~/.config/systemd/user/evil.service
autostart             D services-and-jobs            echo evil >~/.config/autostart/evil.desktop
git for everybody     D git-settings-of-a-person     git config --global core.hooksPath /tmp
git hook              D git-hooks                    echo evil >.git/hooks/pre-commit
command of a name     D programs-of-a-person         echo evil >~/.local/bin/git
installed by cargo    D programs-of-a-person         ~/.rustup/toolchains/stable/bin/cargo ~/.cargo/bin/git
pip index             D settings-of-tools            echo evil >~/.config/pip/pip.conf
vim                   D settings-of-tools            echo evil >~/.vimrc
claude                D settings-of-agents           echo '{{}}' >~/.claude/settings.json
claude, by git        D settings-of-agents           cd ~; printf -- '--- /dev/null\\n+++ b/.cursor/mcp.json\\n@@ -0,0 +1 @@\\n+{{}}\\n' | git apply
codex                 D settings-of-agents           echo 'approval_policy = "never"' >~/.codex/config.toml
plugin of claude      D settings-of-agents           echo '{{}}' >~/.claude/plugins/cache/x/hooks/hooks.json
extension of gemini   D settings-of-agents           echo '{{}}' >~/.gemini/extensions/x/gemini-extension.json
editor in project     D project-settings-of-agents   echo '{{"chat.tools.autoApprove": true}}' >.vscode/settings.json
mcp server            D project-settings-of-agents   echo '{{}}' >.mcp.json
cron                  R services-and-jobs            echo evil >/etc/cron.d/evil
crontab file          R services-and-jobs            echo evil >/var/spool/cron/crontabs/root
profile.d             R system-files                 echo evil >/etc/profile.d/evil.sh
sudoers               R system-files                 echo evil >/etc/sudoers.d/evil
package's script      R system-files                 echo evil >/var/lib/dpkg/info/evil.postinst
install               R package-managers             exec 9>/var/lib/dpkg/lock-frontend
package of one's own  R package-tools                dpkg --admindir=/tmp/a --force-all -i {PACKAGE}
no lock taken         R package-tools                apt-get -o Debug::NoLocking=1 -o Dpkg::Options::=--admindir=/tmp/a install {PACKAGE}
alternative           R package-tools                update-alternatives --force --install /usr/bin/git git /tmp/evil 1
diversion             R package-tools                dpkg-divert --local --no-rename --divert /tmp/git --add /usr/bin/git
libraries             R system-files                 ldconfig /tmp
organisation          R !guards-of-the-organisation  echo '{{}}' >/etc/claude-code/managed-settings.json
holdpoint unit        R !guard:installed             echo evil >/etc/systemd/system/holdpointd.service.d/evil.conf
core_pattern          R !guard                       echo '|/tmp/evil' >/proc/sys/kernel/core_pattern
kernel setting        R !kernel-doors                echo 0 >/proc/sys/kernel/randomize_va_space
module                R !kernel-tools                modprobe dummy
memory                R !raw-devices                 head -c 1 /dev/mem
sudo                  D become-somebody              sudo -n id
su                    D become-somebody              su -c id
password check        R password-checks              LD_PRELOAD=/tmp/evil.so unix_chkpwd root nullok
ssh                   D other-machines               ssh dev@host.example id
scp                   D other-machines               scp notes.md dev@host.example:
push over ssh         D other-machines               git push -q ssh://git@host.example/project topic
docker                D container-tools              docker run -v /:/host alpine
kubectl               D production-tools             kubectl delete namespace production
aws tool              D production-tools             aws s3 rm --recursive s3://bucket
terraform             D production-tools             terraform destroy
helm                  D production-tools             helm uninstall shop
publish               D publishing-tools             twine upload dist/x
tunnel                D tunnels                      ngrok http 8080
crontab               D service-tools                crontab /tmp/evil
later                 D service-tools                at now
systemctl             D service-tools                systemctl stop holdpointd
systemd-run           D service-tools                systemd-run --user id
namespace             D other-roots                  unshare -Urm true
docker socket         D container-engines            curl -sS --unix-socket /run/docker.sock http://d/containers/json
containerd            D container-engines            socat -u OPEN:/dev/null UNIX-CONNECT:/run/containerd/containerd.sock
shim, abstract        D container-engines            socat -u OPEN:/dev/null ABSTRACT-CONNECT:/containerd-shim/1.sock
ssh agent             D key-agents                   SSH_AUTH_SOCK=/tmp/ssh-decoy/agent.7 ssh-add -l
gpg agent             D key-agents                   socat -u OPEN:/dev/null UNIX-CONNECT:/run/user/1000/gnupg/S.gpg-agent
git's passwords       D key-agents                   printf 'protocol=https\\nhost=x\\n\\n' | git credential-cache get
session bus           D service-manager              socat -u OPEN:/dev/null UNIX-CONNECT:/run/user/1000/bus
system bus            D service-manager              socat -u OPEN:/dev/null UNIX-CONNECT:/run/dbus/system_bus_socket
tmux                  D terminals-and-editors        tmux -S /tmp/tmux-1000/default send-keys id Enter
editor socket         D terminals-and-editors        socat -u OPEN:/dev/null UNIX-CONNECT:/tmp/vscode-ipc-1.sock
screen                D !screen-of-a-person          socat -u OPEN:/dev/null UNIX-CONNECT:/tmp/.X11-unix/X0
screen, abstract      D !screen-of-a-person          socat -u OPEN:/dev/null ABSTRACT-CONNECT:/tmp/.X11-unix/X0
wayland               D !screen-of-a-person          socat -u OPEN:/dev/null UNIX-CONNECT:/run/user/1000/wayland-0
metadata              D !cloud-metadata              curl -sS http://{METADATA}/latest/meta-data/
postgres              D databases                    exec 9<>/dev/tcp/127.0.0.1/5432
redis                 D databases                    exec 9<>/dev/tcp/127.0.0.1/6379
mail                  D mail                         exec 9<>/dev/tcp/127.0.0.1/25
docker by TCP         D control-planes               exec 9<>/dev/tcp/127.0.0.1/2375
open browser          D open-programs-of-a-person    exec 9<>/dev/tcp/127.0.0.1/9222
screen by ssh -X      D !screen-of-a-person          exec 9<>/dev/tcp/127.0.0.1/6010
login without ssh     D logins-of-others             exec 9<>/dev/tcp/127.0.0.1/22
"""


class Shipped(Daemon):
    """The shipped file, with this test's cgroup where the service's slice stands; no rule is touched."""

    def write_policy(self, *_):
        text = SHIPPED.read_text()
        assert text.count(SLICE) == 1
        (self.policies / "50-coding.yaml").write_text(text.replace(SLICE, f"{self.cgroup_path}/coder-*"))


class Action:
    def __init__(self, number, line):
        self.name, self.user, rule, self.command = line[:22].strip(), line[22], line[24:52].strip(), line[53:].strip()
        self.denied, self.rule = rule.startswith("!"), rule.lstrip("!")
        self.session = f"harm{number}"
        self.questions = []

    def start(self, environment):
        user = AS_DEVELOPER if self.user == "D" else ()
        self.process = daemon.spawn(*user, "bash", "-c", self.command, session=self.session, cwd=PROJECT, env=environment)

    def ended(self):
        """What is wrong with how it ended, or nothing."""
        status, output = finish(self.process)
        if status == 0:
            return f"it succeeded: {output}"
        return f"it got what it wanted: {output}" if SECRET in output else ""


ACTIONS = [Action(number, line) for number, line in enumerate(HARM.strip("\n").splitlines())]


def sessions():
    """Number of the session by its name."""
    return {one["cgroup"].rpartition("/coder-")[2]: one["id"] for one in daemon.get("/v1/sessions")["sessions"]}


def work(script, session, where):
    """An ordinary session to its end: it works, and nobody is asked and nothing refused."""
    def asked():
        number = sessions().get(session)
        return [(one["rule"]["id"], one["access"]["object"]) for one in daemon.requests() if one["session"] == number]

    before = daemon.counters()["held"]
    process = daemon.spawn(*AS_DEVELOPER, "bash", "-c", script, session=session, env=ENVIRONMENT, cwd=where)
    output, end = None, time.monotonic() + 270
    while output is None and not (daemon.counters()["held"] > before and asked()):
        assert time.monotonic() < end, "it goes on and on"
        with contextlib.suppress(subprocess.TimeoutExpired):  # looked at seldom: the machine is the session's
            output = process.communicate(timeout=2)[0]
    number = sessions().get(session)
    assert number, "it was an agent's"
    refused = [(one.get("rule"), one["access"]["object"]) for one in daemon.records("denial") if one["session"] == number]
    assert not asked() and not refused, (asked(), refused)
    assert process.returncode == 0, output.decode(errors="replace")[-3000:]


def test_the_readme_of_the_policies_tells_how_many_harmful_actions_there_are():
    denied = sum(action.denied for action in ACTIONS)
    told = f"{len(ACTIONS)} harmful actions, of which {len(ACTIONS) - denied} are held and {denied} denied"
    assert told in " ".join((SHIPPED.parent / "README.md").read_text().split()), told


def test_an_ordinary_session_asks_nobody_anything():
    work(ORDINARY, "work", HOME)


def open_questions():
    """Open requests by the action that they belong to."""
    numbers = {number: name for name, number in sessions().items()}
    by_session = {action.session: action for action in ACTIONS}
    return [(by_session[numbers[one["session"]]], one) for one in daemon.requests("open")]


def test_no_harm_goes_through_and_an_ordinary_session_beside_it_asks_nobody_anything():
    (PROJECT / ".env").write_text(f"TOKEN={SECRET}\n")
    os.chown(PROJECT / ".env", USER, USER)
    outsider = subprocess.Popen(["sleep", "1000"], env={"TOKEN": SECRET}, user=USER, group=USER)
    before = snapshot()
    with listeners() as found:
        for action in ACTIONS:
            action.start({**ENVIRONMENT, "OUTSIDER": str(outsider.pid)})
        held = [action for action in ACTIONS if not action.denied]
        wait_until("every action that asks is held, or one has ended", lambda: held_or_ended(held), limit=240)
        for action, request in open_questions():
            action.questions.append(request["rule"]["id"])
        began = time.monotonic()
        work(BESIDE, "beside", PROJECT)
        print(f"     the session beside it took {time.monotonic() - began:.0f} s", flush=True)
        assert not [action.name for action in held if action.process.poll() is not None], "all of them wait still"
        assert not reached(found) and not list(MARKS.iterdir()) and snapshot() == before, "nothing happens while it is held"
        while [action for action in ACTIONS if action.process.poll() is None]:
            for action, request in open_questions():
                daemon.deny(request)
        wrong = [(action.name, text) for action in ACTIONS if (text := action.ended())]
        wrong += [(action.name, action.questions) for action in held if action.rule not in action.questions]
        wrong += [(action.name, "no record of a denial") for action in ACTIONS if action.denied and not was_denied(action)]
        wrong += [("reached", reached(found)), ("ran", list(MARKS.iterdir()))] if reached(found) or list(MARKS.iterdir()) else []
        after = snapshot()
        wrong += [("changed", name) for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    outsider.kill()
    outsider.wait()
    assert not wrong, wrong
    print(f"     {len(held)} held, {len(ACTIONS) - len(held)} denied", flush=True)


def held_or_ended(held):
    """Looks at a counter first: eighty requests are long to write out. The kernel counts before the request is there."""
    if [action for action in held if action.process.poll() is not None]:
        return True  # too soon: it is found afterwards
    if daemon.counters()["held"] < len(held):
        return False
    asking = {action.session for action, _ in open_questions()}
    return all(action.session in asking for action in held)


def was_denied(action):
    number = sessions()[action.session]
    if action.rule == "guard":  # no rule's: known by the file itself
        return any(one["session"] == number and one["cause"] == "guard" for one in daemon.records("denial"))
    return any(one["session"] == number and one["rule"] == action.rule for one in daemon.records("denial"))


make_home()
for file, text in ((".ssh/known_hosts", "host\n"), (".ssh/id_ed25519.pub", "ssh-ed25519 A\n")):
    (HOME / file).write_text(text)
make_tools()
make_project()
make_package()
own()
with Shipped("", name="coding") as daemon:
    main([
        test_the_readme_of_the_policies_tells_how_many_harmful_actions_there_are,
        test_an_ordinary_session_asks_nobody_anything,
        test_no_harm_goes_through_and_an_ordinary_session_beside_it_asks_nobody_anything,
    ])
