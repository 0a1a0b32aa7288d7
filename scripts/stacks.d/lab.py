"""The bench on which software speaks: a client's and a server's namespace, a cable between them, a capture of it.

Processes are started by `serve` and `client` inside a namespace and ended with the scenario. Nothing here knows what the
program under trial says.
"""

import os
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "101.226.90.1"
SECOND = "101.226.90.2"
THIRD = "101.226.90.3"
SERVER6 = "240e:bf:b800::1"
CLIENT = "192.168.77.2"
# A name of an application in the catalogue, one of another, and ones of none.
APP_NAME = "short.weixin.qq.com"
OTHER_APP_NAME = "www.tiktok.com"
PLAIN_NAME = "www.host.example"
NAMES = [APP_NAME, OTHER_APP_NAME, PLAIN_NAME, "resolver.example", "cover.example"]


class Missing(Exception):
    """A scenario's software is not there."""


class Failed(Exception):
    """Software did not do what it was told; nothing can be said of the program then."""


def need(*programs):
    """Says where programs are; raises `Missing` for the first that is not installed."""
    found = []
    for program in programs:
        path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        if not path:
            raise Missing(f"{program} is not installed")
        found.append(path)
    return found[0] if len(found) == 1 else found


class Lab:
    """One scenario's bench."""

    def __init__(self, folder, client, server, python):
        self.folder, self.python = folder, python
        self.namespaces = {"client": client, "server": server}
        self.running = []
        self.log = open(os.path.join(folder, "log"), "ab")

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "w") as file:
                file.write(content)
        return path

    def within(self, side, argv):
        return ["ip", "netns", "exec", self.namespaces[side], *map(str, argv)]

    def start(self, side, argv, **options):
        self.log.write(f"\n$ {side}: {' '.join(map(str, argv))}\n".encode())
        self.log.flush()
        options = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": self.log, "cwd": self.folder, **options}
        process = subprocess.Popen(self.within(side, argv), start_new_session=True, **options)
        self.running.append(process)
        return process

    def serve(self, *argv, tcp=None, udp=None, side="server", **options):
        """Starts a server and waits until it listens."""
        process = self.start(side, argv, **options)
        for _ in range(400):
            if self.listens(side, tcp, udp):
                return process
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise Failed(f"{argv[0]} does not listen on {tcp or udp}; see {self.log.name}")

    def listens(self, side, tcp, udp):
        kind, port = ("tcp", tcp) if tcp else ("udp", udp)
        for suffix, state in (("", "0A" if tcp else None), ("6", "0A" if tcp else None)):
            table = subprocess.run(self.within(side, ["cat", f"/proc/net/{kind}{suffix}"]), capture_output=True, text=True)
            for line in table.stdout.splitlines()[1:]:
                words = line.split()
                if int(words[1].rsplit(":", 1)[1], 16) == port and state in (None, words[3]):
                    return True
        return False

    def tool(self, name, *argv):
        """The command line of one of the small programs beside this file."""
        return [self.python, "-B", os.path.join(HERE, name), *argv]

    def go(self, name):
        """Builds one of the programs in Go beside this file, once a run; gives its path."""
        target = os.path.join(os.path.dirname(self.folder), name)
        source = os.path.join(HERE, name + ".go")
        if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
            beside = os.path.join(os.path.dirname(self.python), "go")
            go = beside if os.path.exists(beside) else need("go")
            environment = {**os.environ, "GOCACHE": target + ".cache", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
            subprocess.run([go, "build", "-o", target, source], check=True, env=environment, stdout=self.log, stderr=self.log)
        return target

    def client(self, *argv, side="client", stdin=None, timeout=60, may_fail=False):
        """Runs a program to its end; gives its standard output."""
        self.log.write(f"\n$ {side}: {' '.join(map(str, argv))}\n".encode())
        self.log.flush()
        try:
            ended = subprocess.run(self.within(side, argv), input=stdin, stdout=subprocess.PIPE, stderr=self.log,
                                   cwd=self.folder, timeout=timeout, check=False,
                                   **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{argv[0]} did not end within {timeout} s; see {self.log.name}") from error
        self.log.write(ended.stdout)
        self.log.flush()
        if ended.returncode and not may_fail:
            raise Failed(f"{argv[0]} ended with {ended.returncode}; see {self.log.name}")
        return ended.stdout.decode(errors="replace")

    def certificate(self):
        """A certificate of our own for all names of the trials: its file and its key's."""
        certificate, key = self.path("cert.pem"), self.path("key.pem")
        if not os.path.exists(certificate):
            names = ",".join(f"DNS:{name}" for name in NAMES) + f",IP:{SERVER},IP:{SECOND}"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-days", "30", "-subj", f"/CN={APP_NAME}", "-addext", f"subjectAltName={names}",
                            "-keyout", key, "-out", certificate], check=True, stderr=self.log)
            os.chmod(key, 0o644)
        return certificate, key

    def capture(self):
        """Begins to capture at the client's end of the cable."""
        self.log.write(b"\n$ capture\n")
        self.log.flush()
        argv = ["tcpdump", "-i", "wire", "-s", "0", "-U", "--immediate-mode", "-Z", "root", "-w", self.path("capture.pcap"),
                "ip or ip6"]
        process = self.start("client", argv, stderr=subprocess.PIPE)
        for line in process.stderr:
            self.log.write(line)
            if b"listening on" in line:
                return process
        raise Failed("tcpdump did not start")

    def end_capture(self, process):
        # What is on its way is there by then; a trial that lacks a packet says so by itself.
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)

    def close(self):
        for process in reversed(self.running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.log.close()
