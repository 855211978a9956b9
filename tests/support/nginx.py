"""An nginx of one test, where nginx is installed (``apt-get install nginx-light``)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.servers import _wait_until_healthy as wait_until_it_answers
from tests.contract.servers import free_port

_PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
NGINX = shutil.which("nginx", path=_PATH)

_CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ text/javascript js; text/css css; }}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port};
    location = /up {{ return 200; }}
{locations}
  }}
}}
"""


@contextmanager
def running(folder: Path, locations: str) -> Iterator[str]:
    """Run nginx with some ``location`` blocks; gives its address."""
    assert NGINX is not None
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # Its workers have to read the test's folder.
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=user, folder=folder, port=port, locations=locations))
    log = folder / "nginx.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [NGINX, "-p", folder, "-c", configuration], stdout=output, stderr=output, text=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(f"{url}/up", process, log)
        yield url
    finally:
        process.terminate()
        process.wait(20)
