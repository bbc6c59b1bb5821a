"""Whether a service of docker-compose.yml is well: exit code 0 or 1, and one line that says what was found.

    health.py http://localhost:8080/api/v2/version              answers with a success
    health.py http://airflow:8080/api/v2/monitor/health NAME    and calls the component NAME healthy

Needs the standard library only: a check that imports Airflow costs seconds of a core, every time.
"""

import json
import sys
import urllib.request

PATIENCE = 5  # seconds; less than the timeout of every check in docker-compose.yml


def check(address: str, component: str = "") -> str:
    """Say what is well; raises ``OSError`` or ``ValueError`` with what is not."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=PATIENCE) as response:
        content = response.read()
    if component:
        status = (json.loads(content).get(component) or {}).get("status")
        if status != "healthy":
            raise ValueError(f"{component} is {status or 'unknown'}")
    return f"{component or address} is well"


def main(arguments: list[str]) -> int:
    """Print the finding and give the exit code."""
    try:
        code, finding = 0, check(*arguments)
    except (OSError, ValueError) as error:
        code, finding = 1, f"{arguments[0]}: {error}"
    sys.stdout.write(f"{finding}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
