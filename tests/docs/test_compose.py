"""The containers cannot be started everywhere that the tests run, so everything that they name is looked up here."""

import ast
import json
import re
import subprocess
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from lienthong.connections import parse
from lienthong.sandbox.portal_catalogue import department_id
from lienthong.services.ports import PORTS

from .compose import VARIABLE, fill, raw, services, strings, uses
from .project import ROOT, command_of, commands, env_example, variables_read

HERE = Path(__file__).parent
WORKDIR = "/opt/lienthong/"
OURS = "lienthong:${LIENTHONG_TAG:-local}"
LISTENS = {"postgres": {5432}, "sandbox-postgres": {5432}, "redis": {6379}}
SECRET = re.compile(r"PASSWORD$|SECRET$|SECRET_KEY$|FERNET_KEY$|TOKEN$|_API_KEY$")
COMPOSE_OWN = {"COMPOSE_PROFILES"}
# Variables of the project that are nobody's setting.
INTERNAL = {
    "AIRFLOW_CONN_SANDBOX",  # set by docker-compose.yml for the province
    "LIENTHONG_CRASH_DIR",  # of the tests that kill tasks
    "LIENTHONG_OWNER",  # the mark that the supervisor puts on its processes
    "SANDBOX_DEPARTMENT_KEY",  # made with the province, handed on to its service
    "SANDBOX_DEPARTMENT_URL",  # follows from the port
}


def ours():
    return {name: service for name, service in services().items() if service["image"] == OURS}


def in_sandbox(service):
    return "sandbox" in service.get("profiles", [])


def environment():
    """What a filled-in .env gives: the example, with something in place of each secret that must be set."""
    given = env_example()["set"]
    return {name: value or "x" * 32 for name, value in given.items()}


@cache
def filled():
    return fill(raw(), environment())


@cache
def airflow():
    """Folder of the installed Airflow; looked up without importing it."""
    return Path(find_spec("airflow").origin).parent


@cache
def airflow_options():
    """Options of Airflow and its installed providers, as their environment variables."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (airflow() / "config_templates" / "config.yml").read_text(encoding="utf-8")
    sections = [yaml.load(text, loader)]
    for path in airflow().glob("providers/**/get_provider_info.py"):
        sections.append(run_path(str(path))["get_provider_info"]().get("config") or {})
    return {
        f"AIRFLOW__{section.upper().replace('.', '_')}__{option.upper()}": described.get("default")
        for described_sections in sections
        for section, content in described_sections.items()
        for option, described in content["options"].items()
    }


# -- form


def test_the_file_follows_the_compose_specification():
    schema = json.loads((HERE / "compose-spec.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(filled())]
    assert errors == []


def test_the_schema_would_notice_a_mistake():
    schema = json.loads((HERE / "compose-spec.json").read_text(encoding="utf-8"))
    wrong = {"services": {"postgres": {"image": "postgres:18", "restrat": "always"}}}
    assert list(Draft202012Validator(schema).iter_errors(wrong))


def test_every_dollar_is_a_variable_or_doubled():
    for text in strings(raw()):
        assert "$" not in VARIABLE.sub("", text), text


# -- variables


def test_variables_and_env_example_name_each_other():
    example = {*env_example()["set"], *env_example()["shown"]}
    used = {name for name, _, _ in uses(raw())}
    assert used - example == set(), "not explained in .env.example"
    read = variables_read() - INTERNAL
    assert read - example == set(), "read by the code, not explained in .env.example"
    assert example - used - read - COMPOSE_OWN == set(), "explained in .env.example, used by nobody"


def test_a_secret_that_is_missing_is_named():
    for name, how, word in uses(raw()):
        if how == ":?":
            with pytest.raises(KeyError, match=name):
                fill("${" + name + how + word + "}", {})


def test_defaults_of_env_example_are_those_of_the_compose_file():
    shown = env_example()["shown"]
    for name, how, word in uses(raw()):
        if how == ":-" and shown.get(name):
            assert shown[name] == word, name


def test_the_example_holds_no_secret():
    given = env_example()["set"]
    assert {name: value for name, value in given.items() if SECRET.search(name) and value} == {}


def test_a_line_of_the_example_uses_only_lines_before_it():
    """Compose fills .env from top to bottom."""
    given = env_example()["set"]
    for place, (name, value) in enumerate(given.items()):
        assert set(re.findall(r"\$\{(\w+)\}", value)) <= set(list(given)[:place]), name


def test_no_secret_is_written_down():
    """A value is a variable without a default; so is the password of every address."""
    for name, service in services().items():
        allowed = (":?", ":-") if in_sandbox(service) else (":?",)
        for variable, value in (service.get("environment") or {}).items():
            if SECRET.search(variable):
                ((_, how, word),) = uses(value)
                assert VARIABLE.fullmatch(value), f"{name}: {variable}"
                assert how in allowed, f"{name}: {variable}"
                assert how == ":?" or word == "", f"{name}: {variable} has a default"
    for text in strings(raw()):
        for password in re.findall(r"://[^/\s:@{}]*:([^@\s]+)@", text):
            ((_, how, word),) = uses(password)
            assert VARIABLE.fullmatch(password), text
            assert how == ":?" or word == "", text


def test_every_airflow_option_exists():
    for name, service in services().items():
        for variable in service.get("environment") or {}:
            if variable.startswith("AIRFLOW__"):
                assert variable in airflow_options(), f"{name}: {variable}"


def test_every_class_that_is_named_exists():
    for text in [*strings(filled()), *environment().values()]:
        if re.fullmatch(r"airflow(\.[a-z_]+)+\.[A-Z]\w+", text):
            *parts, name = text.split(".")[1:]
            source = airflow().joinpath(*parts).with_suffix(".py")
            assert re.search(rf"^class {name}\b", source.read_text(encoding="utf-8"), re.MULTILINE), text


def test_the_locked_celery_is_one_that_airflow_can_use():
    """The provider names no upper bound, and a release of Celery has taken names away from it before."""
    missing = []
    for path in (airflow() / "providers" / "celery").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "celery":
                module = import_module(node.module)
                missing += [f"{node.module}.{name.name}" for name in node.names if not _holds(module, name.name)]
    assert missing == []


def _holds(module, name):
    return hasattr(module, name) or find_spec(f"{module.__name__}.{name}") is not None


def test_the_connections_of_the_example_are_readable():
    env = env_example()["set"] | environment()
    found = {
        name: parse(name.removeprefix("AIRFLOW_CONN_").lower(), re.sub(r"\$\{\w+\}", "x", value))
        for name, value in env.items()
        if name.startswith("AIRFLOW_CONN_")
    }
    warehouse, portal, mail = (found[f"AIRFLOW_CONN_{name}"] for name in ("WAREHOUSE", "NATIONAL_PORTAL", "MAIL"))
    assert (warehouse.kind, warehouse.host, warehouse.schema) == ("postgres", "postgres", "warehouse")
    assert portal.base_url == "http://sandbox-portal:8090"
    published = found["AIRFLOW_CONN_DANH_GIA"]
    assert (published.base_url, published.extra["root_department_id"]) == (portal.base_url, department_id("H15"))
    platform = found["AIRFLOW_CONN_SHARED_PLATFORM"]
    assert (platform.base_url, platform.extra["auth"]) == ("http://sandbox-platform:8092", "lgsp")
    assert (mail.kind, mail.host) == ("smtp", "sandbox-mailbox")
    assert mail.port in listening()["sandbox-mailbox"]
    assert in_repository(found["AIRFLOW_CONN_DANH_MUC"].extra["path"]).is_dir()


# -- commands


def in_repository(path):
    """Where a path of the image lies in the repository."""
    return ROOT / path.removeprefix(WORKDIR)


def words(command):
    """A command as a list; what a shell would run stands in its own words."""
    if isinstance(command, str):
        return command.split()
    return [word for part in command for word in (part.split() if " " in part else [part])]


def all_commands():
    for name, service in ours().items():
        yield name, words(service["command"])
        if "healthcheck" in service:
            yield name, words(service["healthcheck"]["test"])
    for script in (ROOT / "docker").rglob("*.sh"):
        for line in script.read_text(encoding="utf-8").splitlines():
            if line.startswith(("airflow ", "lienthong ", "python ")):
                yield script.name, line.split()
    yield "Dockerfile", json.loads(next(rest for word, rest in instructions() if word == "CMD"))


def calls(program):
    """(place, words behind the program) of each call of a program, in services, health checks and scripts."""
    for place, command in all_commands():
        for number, word in enumerate(command):
            if word == program and not (number and command[number - 1] == "-m"):
                yield place, command[number + 1 :]


def test_every_airflow_command_exists():
    core = (airflow() / "cli" / "cli_config.py").read_text(encoding="utf-8")
    celery = (airflow() / "providers" / "celery" / "cli" / "definition.py").read_text(encoding="utf-8")
    found = list(calls("airflow"))
    assert len(found) > sum(not in_sandbox(service) for service in ours().values()) // 2
    for place, (first, *rest) in found:
        source, names = (celery, rest) if first == "celery" else (core, [first, *rest])
        for name in names:
            assert f'name="{name}"' in source, f"{place}: airflow {first} {rest}"


def test_every_command_of_ours_exists():
    found = list(calls("lienthong"))
    assert found
    for place, words in found:
        name, options = command_of(words)
        for option in options:
            assert option.split("=")[0] in commands()[name], f"{place}: lienthong {name} {option}"


def test_every_module_exists_and_knows_its_options():
    modules = [rest[1:] for _, rest in calls("python") if rest[0] == "-m"]
    assert modules
    for module, *options in modules:
        source = Path(find_spec(module).origin).read_text(encoding="utf-8")
        for option in options:
            assert f'"{option.split("=")[0]}"' in source, f"{module} {option}"
        for variable in (option.split("=")[1] for option in options if option.startswith("--api-key-env=")):
            assert variable.isupper()


def test_every_script_exists_and_can_be_run():
    named = {path for _, command in all_commands() for path in command if re.fullmatch(r"docker/[\w./]+", path)}
    assert {"docker/init.sh", "docker/health.py"} <= named
    for path in named:
        assert in_repository(path).is_file(), path
    for script in (ROOT / "docker").rglob("*.sh"):
        assert script.stat().st_mode & 0o111, f"{script.name} is not executable"
        assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


def test_every_other_program_comes_with_the_image():
    known = {script.name for script in entry_points(group="console_scripts")}
    for service in ours().values():
        program = words(service["command"])[0]
        assert program in known | {"python", "sh"}
        test = service.get("healthcheck", {}).get("test", ["CMD", "python"])
        assert words(test)[1] in known | {"python"}


# -- files and folders


def mounts():
    for name, service in services().items():
        for mount in fill(service.get("volumes", []), environment()):
            source, target, *_ = mount.split(":")
            yield name, source, target


def test_every_mounted_file_is_in_the_repository():
    for name, source, _ in mounts():
        if source.startswith("."):
            assert (ROOT / source).exists(), f"{name}: {source}"


def test_volumes_are_declared_and_used():
    used = {source for _, source, _ in mounts() if not source.startswith((".", "/"))}
    assert used == set(raw()["volumes"])


def test_a_process_may_write_where_its_volume_is():
    """A new volume takes its owner from the folder of the image."""
    made = next(rest for word, rest in instructions() if word == "RUN" and "useradd" in rest)
    for name, _, target in mounts():
        if name in ours():
            assert target in made.split(), f"{name}: {target}"


def test_paths_of_the_image_lie_where_the_code_looks_for_them():
    from lienthong.services.folders import Folders
    from lienthong.services.playground import department_file
    from lienthong.settings import Settings

    settings = Settings.from_env({"LIENTHONG_HOME": "/opt/lienthong", "LIENTHONG_VAR": "/opt/lienthong/var"})
    folders = Folders(settings.home, settings.var)
    department = " ".join(strings(services()["sandbox-department"]["command"]))
    assert f"--data={department_file(folders)}" in department
    assert str(folders.sandbox / "department.key") in department
    assert f"--data={folders.portal}" in services()["sandbox-portal"]["command"]
    platform = {f"--data={folders.platform}", f"--national={folders.national}"}
    assert platform <= set(services()["sandbox-platform"]["command"])
    assert {f"--data={folders.mailbox}", f"--docs={folders.data_docs}"} <= set(services()["sandbox-mailbox"]["command"])
    assert str(folders.connections) in environment()["AIRFLOW_WORKERS_SECRETS_BACKEND_KWARGS"]


# -- ports


def listening():
    """Ports on which each service listens."""
    found = {name: set(ports) for name, ports in LISTENS.items()}
    found["airflow-apiserver"] = {int(airflow_options()["AIRFLOW__API__PORT"])}
    found["airflow-scheduler"] = {int(airflow_options()["AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT"])}
    for name, service in services().items():
        options = " ".join(strings(service.get("command", "")))
        found.setdefault(name, set()).update(int(port) for port in re.findall(r"--port(?:-[a-z]+)?=(\d+)", options))
    return found


def test_addresses_lead_to_a_service_that_listens():
    env = environment()
    places = {name: list(strings(fill(service, env))) for name, service in services().items()}
    places[""] = [value for name, value in env.items() if name.startswith("AIRFLOW_CONN_")]
    for name, texts in places.items():
        for text in texts:
            for address in re.findall(r"[\w+]+://[^\s'\"]+", re.sub(r"\$\{\w+\}", "x", text)):
                host, port = urlsplit(address).hostname, urlsplit(address).port
                if address != env.get("AIRFLOW_BASE_URL", "http://localhost:8080"):
                    assert port in listening()[name if host == "localhost" else host], f"{name}: {host}:{port}"


def test_published_and_exposed_ports_are_the_ones_listened_on():
    for name, service in services().items():
        for port in fill(service.get("ports", []), {}):
            address, published, inside = port.split(":")
            assert address == "127.0.0.1", f"{name} is open to the network"
            assert int(inside) in listening()[name]
            published_by = {"airflow-apiserver": "airflow", "share": "share", "sandbox-mailbox": "mailbox"}[name]
            assert int(published) == next(known.default for known in PORTS if known.name == published_by)
        for port in service.get("expose", []):
            assert int(port) in listening()[name]


def test_the_sandbox_keeps_its_ports():
    defaults = {port.name: port.default for port in PORTS}
    assert listening()["sandbox-portal"] == {defaults["portal"]}
    assert listening()["sandbox-department"] == {defaults["department"]}
    assert listening()["sandbox-platform"] == {defaults["platform"]}
    assert listening()["sandbox-centre"] == {defaults["centre"]}
    assert listening()["sandbox-app"] == {defaults["app"]}
    assert listening()["sandbox-mailbox"] == {defaults["mail"], defaults["mailbox"]}


# -- life


def test_every_service_is_restarted_and_checked():
    for name, service in services().items():
        assert service.get("restart"), f"{name} has no restart policy"
        runs_once = "x-no-healthcheck" in service
        assert runs_once != ("healthcheck" in service), f"{name}: a health check, or a reason why not"
        assert service["restart"].startswith("on-failure") == runs_once, name


def test_services_wait_for_what_they_need():
    for name, service in services().items():
        for needed, how in service.get("depends_on", {}).items():
            other = services()[needed]
            assert not in_sandbox(other) or in_sandbox(service), f"{name} would need the sandbox"
            expected = "service_completed_successfully" if "x-no-healthcheck" in other else "service_healthy"
            assert how["condition"] == expected, f"{name}: {needed}"


def test_a_health_check_gives_up_before_its_timeout():
    patience = re.search(r"^PATIENCE = (\d+)", (ROOT / "docker/health.py").read_text(encoding="utf-8"), re.MULTILINE)
    for name, service in ours().items():
        if "healthcheck" in service:
            assert int(patience[1]) < int(service["healthcheck"]["timeout"].removesuffix("s")), name


def test_our_containers_have_no_rights():
    for name, service in ours().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


# -- image


@cache
def instructions():
    """The Dockerfile's instructions as (word, rest), continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def test_every_copied_path_is_in_the_repository_and_enters_the_build():
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in let_in, ".dockerignore must begin by keeping everything out"
    copied = []
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from="):
            copied += rest.split()[:-1]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in, source
    assert sorted(line[1:] for line in let_in if line.startswith("!")) == sorted(copied)


def test_the_image_is_pinned_and_without_rights_or_secrets():
    words_used = [word for word, _ in instructions()]
    assert set(words_used) <= {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "CMD"}
    (base,) = [rest for word, rest in instructions() if word == "ARG"]
    assert re.fullmatch(r"PYTHON=python:\d+\.\d+\.\d+-slim-\w+", base)
    users = [rest for word, rest in instructions() if word == "USER"]
    assert users == ["airflow"]
    for word, rest in instructions():
        if word == "RUN" and "install" in rest:
            for part in rest.split("&&"):
                if "install" in part and "--editable ." not in part:
                    assert "--require-hashes" in part, part
        if word in ("ENV", "ARG"):
            assert not SECRET.search(rest.split("=")[0]), rest


def test_the_lock_holds_hashes_and_the_build_tool():
    for name in ("requirements-uv.txt", "requirements.txt"):
        assert "--hash=sha256:" in (ROOT / name).read_text(encoding="utf-8"), name
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^hatchling==", lock, re.MULTILINE), "built without isolation: the lock must bring the tool"
    assert re.search(r"^editables==", lock, re.MULTILINE)


# -- the health check itself


@pytest.fixture(scope="module")
def answering():
    """A server that gives each path its answer."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"scheduler": {"status": "healthy"}, "triggerer": {"status": None}}).encode()
            self.send_response(503 if self.path == "/ill" else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("path", "component", "code"),
    [("/", "", 0), ("/ill", "", 1), ("/", "scheduler", 0), ("/", "triggerer", 1), ("/", "unknown", 1)],
)
def test_health(answering, path, component, code, capsys):
    main = run_path(str(ROOT / "docker/health.py"))["main"]
    assert main([answering + path, *([component] if component else [])]) == code
    assert capsys.readouterr().out
