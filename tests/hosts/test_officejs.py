"""The Office.js server over real HTTP: driven by Node as Excel would, and by malformed requests."""

import datetime as dt
import json
import queue
import socket
import subprocess
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
import uvicorn
from fastapi import Request
from fastapi.responses import HTMLResponse

from tests.golden.compare import as_block, assert_vector
from tests.hosts.calls import CALLS
from tests.programs import program
from xlplugin.errors import ErrorValue, HostError
from xlplugin.hosts.officejs import documents
from xlplugin.hosts.officejs.server import Limits, application, make_certificate, serve
from xlplugin.worksheet.registry import load

ERROR_TYPES = {
    "Null": "#NULL!",
    "Div0": "#DIV/0!",
    "Value": "#VALUE!",
    "Ref": "#REF!",
    "Name": "#NAME?",
    "Num": "#NUM!",
    "NotAvailable": "#N/A",
}


PAGE = """<!DOCTYPE html><title>calls</title><script>
const known = {};
class CustomError extends Error {
  constructor(code, message) { super(message); this.code = code; }
}
const errorCodes = {nullReference: "#NULL!", divisionByZero: "#DIV/0!", invalidValue: "#VALUE!",
  invalidReference: "#REF!", invalidName: "#NAME?", invalidNumber: "#NUM!", notAvailable: "#N/A"};
const associate = (id, f) => { known[id] = f; };
globalThis.CustomFunctions = {associate, Error: CustomError, ErrorCode: errorCodes};
</script><script src="/functions.js"></script><script>
const calls = CALLS;
Promise.allSettled(calls.map(([id, args, at]) => known[id](...args, {address: at, parameterAddresses: []})))
  .then(settled => fetch("/answers", {method: "POST", body: JSON.stringify(settled.map(a =>
    a.status === "fulfilled" ? {value: a.value} : {error: a.reason.code, text: a.reason.message}))}));
</script>"""


class Running:
    """A server on a free loopback port, stopped at the end of the with block."""

    def __init__(self, *, page="", **settings):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        app = application(load(), address=self.address, **settings)
        self.answers: queue.Queue[bytes] = queue.Queue()

        async def take(request: Request) -> None:
            self.answers.put(await request.body())

        app.add_api_route("/page.html", lambda: HTMLResponse(page))
        app.add_api_route("/answers", take, methods=["POST"])
        port = int(self.address.rpartition(":")[2])
        self.server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(timeout=20)

    def post(self, body, **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(self.address + "/call", content=content, headers=headers, timeout=60)


@pytest.fixture(scope="module")
def running():
    with Running() as server:
        yield server


def office_cell(value):
    """A JSON value of a vector as Excel would send it."""
    if isinstance(value, dict):
        if "error" in value:
            return {"type": "Error", "basicValue": value["error"], "errorType": "x"}
        return float((dt.date.fromisoformat(value["date"]) - dt.date(1899, 12, 30)).days)
    return value


def office_argument(value):
    if value is None:
        return None
    return [[office_cell(cell) for cell in row] for row in as_block(value)]


def node_calls(server, calls):
    node = program("node", package="Node")
    done = subprocess.run(
        [node, str(Path(__file__).with_name("officejs_client.mjs")), server.address],
        input=json.dumps(calls),
        text=True,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1500:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(running):
    calls = []
    for n, vector in enumerate(CALLS):
        names = [a.name for a in load()[vector["function"]].arguments]
        given = [office_argument(vector["args"].get(name)) for name in names]
        calls.append([vector["function"], given, f"Sheet1!A{n + 1}"])
    return dict(zip((v["id"] for v in CALLS), node_calls(running, calls)["answers"], strict=True))


def from_office(cell):
    if isinstance(cell, dict):
        if cell["type"] == "Error":
            return ErrorValue(ERROR_TYPES[cell["errorType"]])
        return dt.date(1899, 12, 30) + dt.timedelta(days=int(cell["basicValue"]))
    return cell


def as_answered(answer):
    if "error" in answer:
        return [[ErrorValue(answer["error"])]]
    return [[from_office(cell) for cell in row] for row in answer["value"]]


@pytest.mark.parametrize("vector", CALLS, ids=[vector["id"] for vector in CALLS])
def test_node_gets_the_same_answer_over_http(vector, answers):
    answer = answers[vector["id"]]
    got = (
        [[ErrorValue(answer["error"])]]
        if "error" in answer
        else [[from_office(c) for c in row] for row in answer["value"]]
    )
    assert_vector(vector, load()[vector["function"]], got)


def shown_in_chromium(page, profile):
    """What a page posts to /answers when a real Chromium has loaded it."""
    chromium = program("chromium", "google-chrome", package="Chromium")
    with Running(page=page) as server:
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            server.address + "/page.html",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
            try:
                return json.loads(server.answers.get(timeout=120))
            finally:
                browser.terminate()


def test_a_page_in_a_real_chromium_gets_the_same_answers(tmp_path):
    calls = []
    for n, vector in enumerate(CALLS):
        names = [a.name for a in load()[vector["function"]].arguments]
        given = [office_argument(vector["args"].get(name)) for name in names]
        calls.append([vector["function"], given, f"Sheet1!A{n + 1}"])
    page = PAGE.replace("CALLS", json.dumps(calls).replace("</", "<\\/"))
    shown = shown_in_chromium(page, tmp_path / "chromium")
    for vector, answer in zip(CALLS, shown, strict=True):
        assert_vector(vector, load()[vector["function"]], as_answered(answer))


OFFICE = """<script>
const cell = {load() {}, address: "Harvest!B5", values: [["#VALUE!"]],
  formulas: [["=DI.COST_HEDGE(0.005,B1)"]]};
const names = {load() {}, items: [
  {name: "chk_sum", value: true}, {name: "test_hedge", value: false}, {name: "other", value: 1}]};
const context = {workbook: {getActiveCell: () => cell, names}, sync: async () => {}};
globalThis.Excel = {run: (f) => f(context)};
globalThis.CustomFunctions = {associate() {}, Error: class extends Error {}, ErrorCode: {}};
</script>"""
PRESS = """<script>
const pressed = async (id) => {
  result.textContent = "";
  document.getElementById(id).click();
  while (!result.textContent) await new Promise((done) => setTimeout(done, 20));
  return result.textContent.split("\\n");
};
(async () => {
  const meant = await pressed("explain");
  sentences.set("Harvest!B5", "DI-110 COST_HEDGE: foreign: the cell is empty");
  const answers = [meant, await pressed("explain"), await pressed("check")];
  await fetch("/answers", {method: "POST", body: JSON.stringify(answers)});
})();
</script></body>"""


def test_the_task_pane_explains_the_selected_cell_and_runs_the_checks(tmp_path):
    page = documents.task_pane("en")
    head, _, rest = page.partition('<script src="https://appsforoffice')
    page = (head + OFFICE + rest.partition("</script>")[2]).replace("</body>", PRESS)
    meant, failed, checks = shown_in_chromium(page, tmp_path / "chromium")
    function = load()["COST_HEDGE"]
    assert meant[0] == "Harvest!B5 = #VALUE!"
    assert meant[2:4] == ["=DI.COST_HEDGE(0.005,B1)", f"COST_HEDGE: {function.help.en}"]
    assert meant[4:] == [f"  {a.name}: {a.help.en}" for a in function.arguments]
    assert failed[1] == "DI-110 COST_HEDGE: foreign: the cell is empty"
    assert checks[1:] == ["test_hedge"]


def test_a_request_that_arrives_too_slowly_is_given_up():
    with Running(limits=Limits(seconds=0.2)) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
            assert b" 408 " in slow.recv(1000).splitlines()[0]


def test_four_calls_of_one_moment_travel_in_one_request_and_why_knows_the_sentence(running):
    hedge = ["COST_HEDGE", [[[0.005]], [[0.05]], [[0.5]], None], "S!A1"]
    bad = ["COST_HEDGE", [[["text"]], [[0.05]], None, None], "S!A2"]
    shown = node_calls(running, [hedge, bad, hedge, hedge])
    assert shown["posts"] == 1
    assert shown["answers"][0] == {"value": [[pytest.approx(0.0225)]]}
    assert shown["answers"][1]["error"] == "#VALUE!"
    assert "COST_HEDGE: domestic: expected a number, got 'text'" in shown["answers"][1]["text"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_metadata_names_every_function_and_argument_in_the_language_asked_for(running, language):
    data = httpx.get(f"{running.address}/functions.json?language={language}").json()
    assert [f["id"] for f in data["functions"]] == [f.name for f in load()]
    for shown, function in zip(data["functions"], load(), strict=True):
        assert shown["description"] == function.help.text(language)
        assert [p["name"] for p in shown["parameters"]] == [a.name for a in function.arguments]
        assert [p.get("optional", False) for p in shown["parameters"]] == [
            a.is_optional for a in function.arguments
        ]


def test_the_manifest_is_well_formed_and_points_to_this_server_only(running):
    text = httpx.get(running.address + "/manifest.xml").text
    ElementTree.fromstring(text)
    assert "%" not in text
    assert f"{running.address}/functions.js" in text


def test_pages_and_icons_are_served(running):
    page = httpx.get(running.address + "/taskpane.html?language=ja")
    assert "選択したセルを説明する" in page.text
    assert "%" not in page.text.replace("100%", "")
    assert httpx.get(running.address + "/icon-32.png").content.startswith(b"\x89PNG")
    assert httpx.get(running.address + "/icon-99.png").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"not json", 400, "not JSON"),
        (b"\xff\xfe\x00", 400, "not JSON"),
        (b"[" * 100_000, 400, "too deep"),
        ([], 400, "expected an object"),
        ({"calls": 3}, 400, "expected an object"),
        ({"calls": [3]}, 400, "call 1 has no text under id"),
        ({"calls": [{"id": 5, "args": []}]}, 400, "call 1 has no text under id"),
        ({"calls": [{"id": "WHY"}]}, 400, "call 1: args is a list"),
        ({"calls": [{"id": "WHY", "args": [[[1], [1, 2]]]}]}, 400, "call 1: args is a list"),
        ({"calls": [{"id": "WHY", "args": [[[[1]]]]}]}, 400, "call 1: args is a list"),
        ({"calls": [{"id": "WHY", "args": [{"basicValue": [1]}]}]}, 400, "call 1: args is a list"),
        ({"calls": [{"id": "WHY", "args": []}] * 1001}, 400, "1001 calls in one request"),
    ],
)
def test_a_malformed_request_is_refused_with_a_sentence_and_no_traceback(running, body, status, sentence):
    reply = running.post(body)
    assert reply.status_code == status
    assert sentence in reply.json()["refused"]
    assert "Traceback" not in reply.text


def test_an_unknown_function_is_a_name_error_and_does_not_stop_the_batch(running):
    known = {"id": "COST_HEDGE", "args": [0.0, 0.05]}
    results = running.post({"calls": [{"id": "NOT_THERE", "args": []}, known]}).json()["results"]
    assert results[0]["error"] == "#NAME?"
    assert results[1] == {"value": [[0.05]]}


def test_too_many_arguments_are_an_error_of_that_cell_only(running):
    reply = running.post({"calls": [{"id": "COST_HEDGE", "args": [0.0] * 9}]}).json()["results"][0]
    assert reply["error"] == "#VALUE!"
    assert "9 arguments were given; COST_HEDGE takes at most 4" in reply["text"]


def test_another_origin_is_not_answered(running):
    assert running.post({"calls": []}, origin="https://evil.example").status_code == 403
    assert running.post({"calls": []}, origin=running.address).status_code == 200


def test_a_request_that_is_too_large_is_refused_before_it_is_read():
    with Running(limits=Limits(size=1000)) as server:
        assert server.post(b" " * 5000).status_code == 413


def test_calls_that_take_too_long_are_given_up(monkeypatch):
    from xlplugin.hosts.officejs import server as module

    monkeypatch.setattr(module, "respond", lambda data, registry: time.sleep(1.0) or {"results": []})
    with Running(limits=Limits(seconds=0.1)) as server:
        reply = server.post({"calls": []})
    assert reply.status_code == 503
    assert "took more than 0.1 seconds" in reply.json()["refused"]


def test_a_token_is_demanded_where_it_is_set_and_the_script_carries_it():
    with Running(token="secret") as server:
        assert server.post({"calls": []}).status_code == 401
        assert server.post({"calls": []}, **{"X-Xlplugin-Token": "secret"}).status_code == 200
        assert node_calls(server, [["COST_HEDGE", [[[0.0]], [[0.05]], None, None], "S!A1"]])["answers"] == [
            {"value": [[0.05]]}
        ]


def test_the_certificate_is_for_this_machine_and_its_key_is_private(tmp_path):
    from cryptography import x509

    certificate, key = make_certificate(tmp_path, dt.date(2026, 11, 28))
    read_back = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = read_back.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert read_back.not_valid_after_utc.date() == dt.date(2028, 11, 27)
    assert key.stat().st_mode & 0o077 == 0
    assert make_certificate(tmp_path, dt.date(2027, 1, 1)) == (certificate, key)


def test_serving_beyond_this_machine_needs_a_token(tmp_path):
    with pytest.raises(HostError, match=r"0\.0\.0\.0 is not this machine"):
        serve(
            load(),
            port=1,
            folder=tmp_path,
            today=dt.date(2026, 1, 1),
            language="en",
            token="",
            host="0.0.0.0",
        )


def test_a_script_with_quotes_in_its_token_stays_one_string():
    assert '"token": "a\\"b"' in documents.script(load(), token='a"b')
