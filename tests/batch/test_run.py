"""Whole runs: any executor, any number of workers, killed and resumed, refused by the disk."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import openpyxl
import pytest

from tests.batch.tiny import job as tiny_job
from tests.batch.tiny import write_csv
from tests.benchmarks.batch import repeated
from tests.programs import program
from xlplugin.batch.finish import finish
from xlplugin.batch.job import load_job
from xlplugin.batch.plan import make_plan, shard_of
from xlplugin.batch.records import load_records
from xlplugin.batch.run import Inline, cluster, execute
from xlplugin.batch.writing import StorageError, digest, leftovers, part_of, write_whole
from xlplugin.cli.places import built, compiled
from xlplugin.errors import FileError, HostError
from xlplugin.hosts.headless import compile_book


def planned(path, *overrides, shard=(1, 1), only_failed=False):
    job = load_job(path, overrides)
    return make_plan(
        job, {}, lambda p, language: compile_book(p, language=language), shard=shard, only_failed=only_failed
    )


def run(path, *overrides, executor=None, workers=1, shard=(1, 1), only_failed=False):
    plan = planned(path, *overrides, shard=shard, only_failed=only_failed)
    records = list(execute(plan, executor, workers=workers))
    counts = finish(plan, records, "en")
    return plan, records, counts


def books(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): digest(p.read_bytes()) for p in sorted(folder.rglob("*.xlsx"))}


def without_time(folder: Path) -> list[dict]:
    data = json.loads((folder / "manifest.json").read_text("utf-8"))
    return [{k: v for k, v in client.items() if k != "seconds"} for client in data["clients"]]


# -- what comes out ------------------------------------------------------------------------------------


def test_a_run_makes_one_book_per_client_a_summary_a_manifest_and_a_failures_file(tmp_path):
    plan, records, counts = run(tiny_job(tmp_path, 5))
    folder = tmp_path / "out"
    assert counts == {"done": 5, "failed": 0, "skipped": 0}
    assert [r.client_id for r in records] == [f"T000{n}" for n in range(1, 6)]
    assert set(books(folder)) == {
        *(f"clients/T000{n}/proposal_T000{n}_en.xlsx" for n in range(1, 6)),
        "summary.xlsx",
    }
    data = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert data["run_id"] == plan.facts.run_id
    assert data["tax_tables"]["jp.individual"]
    assert data["market"]["history"].startswith("sha256:")
    for client in data["clients"]:
        for output in client["outputs"]:
            assert digest((folder / output["file"]).read_bytes()) == output["sha256"]
    assert (folder / "failures.csv").read_text("utf-8-sig").splitlines() == [
        "client_id,code,what,where,remedy"
    ]


def test_the_book_of_a_client_holds_the_clients_figures(tmp_path):
    run(tiny_job(tmp_path, 3))
    book = openpyxl.load_workbook(tmp_path / "out/clients/T0003/proposal_T0003_en.xlsx", data_only=True)
    # By hand: the third client holds 100 shares for 3,000 and 200 for 4,000.
    assert [book["Page"][f"B{n}"].value for n in (1, 2, 3)] == ["Client T0003", 7000, 300]
    assert book["Page"]["B5"].value == pytest.approx(300 / 1_000_000 * 0.5)


def test_names_stand_in_workbooks_only(tmp_path):
    run(tiny_job(tmp_path, 3))
    folder = tmp_path / "out"
    for path in (folder / "manifest.json", folder / "failures.csv", *(folder / ".xlplugin").rglob("*.json")):
        assert "Client T" not in path.read_text("utf-8-sig")
    assert openpyxl.load_workbook(folder / "summary.xlsx")["Clients"]["C6"].value == "Client T0001"


def test_a_redacted_run_prints_the_id_instead_of_the_name(tmp_path):
    run(tiny_job(tmp_path, 1), "output.redact_name=true")
    book = openpyxl.load_workbook(tmp_path / "out/clients/T0001/proposal_T0001_en.xlsx", data_only=True)
    assert book["Page"]["B1"].value == "T0001"


# -- the same bytes everywhere -------------------------------------------------------------------------


def test_any_executor_and_any_number_of_workers_give_the_same_bytes(tmp_path):
    found, manifests = [], []
    for name, executor, workers in (
        ("inline", Inline(), 1),
        ("threads", ThreadPoolExecutor(2), 2),
        ("one process", ProcessPoolExecutor(1, mp_context=get_context("spawn")), 1),
        ("own pool", None, 2),
    ):
        folder = tmp_path / name
        run(tiny_job(folder, 6), executor=executor, workers=workers)
        found.append(books(folder / "out"))
        manifests.append(without_time(folder / "out"))
        if executor is not None:
            executor.shutdown()
    assert found[0] == found[1] == found[2] == found[3]
    assert manifests[0] == manifests[1] == manifests[2] == manifests[3]


def test_shards_are_disjoint_complete_and_give_the_same_books(tmp_path):
    run(tiny_job(tmp_path / "whole", 7))
    path = tiny_job(tmp_path / "parts", 7)
    seen: list[str] = []
    for part in (1, 2, 3):
        _, records, _ = run(path, shard=(part, 3))
        seen += [r.client_id for r in records]
    assert sorted(seen) == [f"T000{n}" for n in range(1, 8)]
    assert books(tmp_path / "parts/out/clients") == books(tmp_path / "whole/out/clients")
    assert without_time(tmp_path / "parts" / "out") == without_time(tmp_path / "whole" / "out")


def test_every_key_is_in_exactly_one_shard():
    keys = [f"K{n}" for n in range(101)]
    for parts in (1, 2, 3, 7, 101, 150):
        shards = [shard_of(keys, part, parts) for part in range(1, parts + 1)]
        assert sorted(k for s in shards for k in s) == sorted(keys)
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.slow
def test_a_dask_cluster_of_a_real_scheduler_and_two_workers_gives_the_same_books(tmp_path):
    address_file = tmp_path / "scheduler.json"
    both = ["--scheduler-file", str(address_file)]
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", *both]
    started = [_started([*dask, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"], tmp_path)]
    try:
        for name in ("a", "b"):
            dask = [
                sys.executable,
                "-m",
                "distributed.cli.dask_worker",
                "--scheduler-file",
                str(address_file),
            ]
            started.append(_started([*dask, "--nthreads", "1", "--no-nanny", "--name", name], tmp_path))
        address = _address(address_file, workers=2)
        run(tiny_job(tmp_path / "alone", 6))
        executor, threads, client = cluster(address)
        with client:
            assert threads == 2
            run(tiny_job(tmp_path / "cluster", 6), executor=executor, workers=threads)
        assert books(tmp_path / "cluster/out/clients") == books(tmp_path / "alone/out/clients")
    finally:
        for process in reversed(started):
            _stopped(process)


def _started(command: list[str], folder: Path) -> subprocess.Popen:
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _stopped(process: subprocess.Popen) -> None:
    # One after the other, the scheduler last: a worker without its scheduler may never end.
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)


def _address(file: Path, workers: int) -> str:
    from distributed import Client

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if file.exists():
            address = json.loads(file.read_text())["address"]
            with Client(address) as client:
                client.wait_for_workers(workers, timeout=120)
            return str(address)
        time.sleep(0.1)
    pytest.fail("the dask scheduler did not start")


@pytest.mark.slow
def test_an_address_where_nobody_answers_is_one_sentence():
    with pytest.raises(HostError, match="no scheduler answers"):
        cluster("tcp://127.0.0.1:1")


@pytest.mark.slow
def test_a_thousand_sample_clients_get_their_whole_proposals(tmp_path):
    path = repeated(tmp_path, 1000, None, "proposal")
    job = load_job(path, ())
    records = list(execute(make_plan(job, built(), compiled), workers=2))
    assert [r.fault for r in records if r.fault] == []
    assert len(list((tmp_path / "out/clients").rglob("*.xlsx"))) == 1000
    # Three sample clients under a thousand ids: every figure is one of three, and no client got another's.
    figures = {r.client_id: (r.figures["plan_net"], r.figures["te_forecast"]) for r in records}
    assert {figures[f"R{n:05d}"] for n in range(0, 1000, 3)} == {figures["R00000"]}
    assert {figures[f"R{n:05d}"] for n in range(1, 1000, 3)} == {figures["R00001"]}
    assert len(set(figures.values())) == 3


@pytest.mark.slow
def test_a_thousand_clients_are_made_once_each(tmp_path):
    path = tiny_job(tmp_path, 1000)
    _, records, counts = run(path, workers=2)
    assert counts == {"done": 1000, "failed": 0, "skipped": 0}
    assert sorted(r.client_id for r in records) == [f"T{n:04d}" for n in range(1, 1001)]
    assert len(list((tmp_path / "out/clients").rglob("*.xlsx"))) == 1000
    assert run(path)[2] == {"done": 0, "failed": 0, "skipped": 1000}


# -- resume ------------------------------------------------------------------------------------------------


def test_a_second_run_makes_nothing_again(tmp_path):
    path = tiny_job(tmp_path, 4)
    run(path)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "clients").rglob("*.xlsx")}
    _, records, counts = run(path)
    assert (records, counts) == ([], {"done": 0, "failed": 0, "skipped": 4})
    assert {p: p.stat().st_mtime_ns for p in before} == before


@pytest.mark.parametrize("spoil", ["change", "remove"])
def test_a_book_that_was_changed_or_removed_is_made_again(tmp_path, spoil):
    path = tiny_job(tmp_path, 3)
    run(path)
    before = books(tmp_path / "out")
    book = tmp_path / "out/clients/T0002/proposal_T0002_en.xlsx"
    book.write_bytes(b"spoiled") if spoil == "change" else book.unlink()
    _, records, _ = run(path)
    assert [r.client_id for r in records] == ["T0002"]
    after = books(tmp_path / "out")
    assert {k: v for k, v in after.items() if "clients" in k} == {
        k: v for k, v in before.items() if "clients" in k
    }


def test_only_the_client_whose_rows_changed_is_made_again(tmp_path):
    path = tiny_job(tmp_path, 3)
    run(path)
    lots = (tmp_path / "lots.csv").read_text().replace("T0002,A,1001,100,2000", "T0002,A,1001,100,2500")
    (tmp_path / "lots.csv").write_text(lots)
    _, records, _ = run(path)
    assert [r.client_id for r in records] == ["T0002"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("history.csv", "2026-10-28,", "2026-10-28,9"), ("job.toml", 'firm = "Sample"', 'firm = "Other"')],
)
def test_a_changed_market_or_setting_makes_everybody_again(tmp_path, file, old, new):
    path = tiny_job(tmp_path, 3)
    run(path)
    text = (tmp_path / file).read_text("utf-8")
    (tmp_path / file).write_text(text.replace(old, new), "utf-8")
    assert len(run(path)[1]) == 3


def test_another_number_of_workers_changes_no_hash(tmp_path):
    path = tiny_job(tmp_path, 2)
    run(path)
    assert run(path, "run.workers=2", "run.timeout_s=99")[2]["skipped"] == 2


def test_without_resume_everybody_is_made_again(tmp_path):
    path = tiny_job(tmp_path, 2)
    run(path)
    assert len(run(path, "run.resume=false")[1]) == 2


def test_only_and_failed_choose_clients(tmp_path):
    path = tiny_job(tmp_path, 4)
    assert [r.client_id for r in run(path, 'run.only=["T0003"]')[1]] == ["T0003"]
    with pytest.raises(FileError, match="there is no client T9"):
        planned(path, 'run.only=["T9"]')
    assert run(path, only_failed=True)[1] == []


def script(folder: Path, text: str, *arguments: object) -> list[str]:
    path = folder / "script.py"  # spawned workers import it again: what it changes is changed in them too
    path.write_text(text)
    return [sys.executable, str(path), *map(str, arguments)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
KILLED = """
import os, sys, time
from pathlib import Path
from xlplugin.batch import task
from tests.batch.test_run import planned
from xlplugin.batch.run import execute
if __name__ == "__main__":
    for record in execute(planned(Path(sys.argv[1])), workers=2):
        print(record.client_id, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
def test_a_run_killed_in_the_middle_loses_nothing_and_repeats_nothing(tmp_path):
    path = tiny_job(tmp_path, 60)
    run(tiny_job(tmp_path / "whole", 60))
    command = script(tmp_path, KILLED, path)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()  # the first client is done, the others are on their way
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    folder = tmp_path / "out"
    done = {cid for cid, record in load_records(folder).items() if record.status == "done"}
    assert 0 < len(done) < 60
    stamps = {p: p.stat().st_mtime_ns for cid in done for p in (folder / "clients" / cid).glob("*.xlsx")}
    assert all(
        zipfile.is_zipfile(p) for p in (folder / "clients").rglob("*.xlsx")
    )  # no half file under a real name
    _, records, counts = run(path)
    assert {r.client_id for r in records} == {f"T{n:04d}" for n in range(1, 61)} - done
    assert counts["skipped"] == len(done)
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    assert leftovers(folder) == []
    assert books(folder / "clients") == books(tmp_path / "whole/out/clients")


# -- failures ------------------------------------------------------------------------------------------------


def spoiled_job(tmp_path):
    path = tiny_job(tmp_path, 6)
    lots = [line.split(",") for line in (tmp_path / "lots.csv").read_text().splitlines()]
    for row in lots:
        if row[0] == "T0002":
            row[3] = "none"
    write_csv(tmp_path / "lots.csv", lots)
    clients = [line.split(",") for line in (tmp_path / "clients.csv").read_text().splitlines()]
    clients[0].append("te_limit")
    for row in clients[1:]:
        row.append("0.95" if row[0] == "T0004" else "0.02")  # above 0.9 the tiny template's own check fails
    write_csv(tmp_path / "clients.csv", clients)
    return path


@pytest.mark.parametrize("workers", [1, 2])
def test_a_client_that_fails_is_a_row_with_its_sentence_and_the_others_are_made(tmp_path, workers):
    _, records, counts = run(spoiled_job(tmp_path), workers=workers)
    assert counts == {"done": 4, "failed": 2, "skipped": 0}
    by_id = {r.client_id: r for r in records}
    assert by_id["T0002"].fault.what == "column quantity: expected a number above 0, got 'none' (and 1 more)"
    assert by_id["T0002"].fault.where.endswith("lots.csv, line 4")
    assert by_id["T0004"].fault.what == "the proposal failed its own checks (1 checks)"
    assert not (tmp_path / "out/clients/T0002").exists()
    assert not (tmp_path / "out/clients/T0004").exists()
    lines = (tmp_path / "out/failures.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["client_id", "T0002", "T0004"]
    assert [r.client_id for r in run(tmp_path / "job.toml", only_failed=True)[1]] == ["T0002", "T0004"]


def test_the_advisers_book_of_an_unsound_proposal_is_still_made(tmp_path):
    path = spoiled_job(tmp_path)
    text = path.read_text("utf-8").replace("[templates]", '[templates]\n"advisor.en" = "tiny.xlsx"')
    path.write_text(text, "utf-8")
    _, records, _ = run(path, 'job.make=["proposal", "advisor"]')
    made = {r.client_id: (r.status, [Path(o.file).name for o in r.outputs]) for r in records}
    assert made["T0004"] == ("failed", ["advisor_T0004_en.xlsx"])
    assert made["T0001"] == ("done", ["proposal_T0001_en.xlsx", "advisor_T0001_en.xlsx"])


def test_a_proposal_whose_inputs_can_no_longer_be_read_is_withdrawn(tmp_path):
    path = tiny_job(tmp_path, 2)
    run(path)
    lots = (tmp_path / "lots.csv").read_text("utf-8")
    (tmp_path / "lots.csv").write_text(lots.replace("T0001,A,1001,100,", "T0001,A,1001,none,"), "utf-8")
    assert [(r.client_id, r.status) for r in run(path)[1]] == [("T0001", "failed")]
    assert [p.name for p in (tmp_path / "out/clients").rglob("*.xlsx")] == ["proposal_T0002_en.xlsx"]


def test_a_proposal_that_is_unsound_now_is_withdrawn(tmp_path):
    path = tiny_job(tmp_path, 2)
    run(path)
    _, records, _ = run(path, "defaults.te_limit=0.95")
    assert [r.status for r in records] == ["failed", "failed"]
    assert not list((tmp_path / "out/clients").rglob("*.xlsx"))


def test_a_book_that_a_person_has_changed_is_never_removed(tmp_path):
    path = tiny_job(tmp_path, 1)
    run(path)
    book = tmp_path / "out/clients/T0001/proposal_T0001_en.xlsx"
    book.write_bytes(book.read_bytes() + b"a remark")
    lots = (tmp_path / "lots.csv").read_text("utf-8")
    (tmp_path / "lots.csv").write_text(lots.replace(",100,", ",none,"), "utf-8")
    assert run(path)[1][0].status == "failed"
    assert book.is_file()


def test_a_run_may_stop_at_the_first_failure(tmp_path):
    _, records, _ = run(spoiled_job(tmp_path), 'run.on_error="stop"')
    assert records[-1].status == "failed"
    assert len(records) < 6


def boom(task):
    raise ZeroDivisionError("a fault of ours")


def test_a_fault_of_the_program_is_a_row_too_and_its_traceback_is_logged(caplog):
    from xlplugin.batch.isolation import attempt

    result, fault = attempt(boom, None, "T0001")
    assert result is None
    assert (fault.code, fault.what) == ("DI-199", "ZeroDivisionError: a fault of ours")
    assert "Traceback" in caplog.text


@pytest.mark.skipif(
    not hasattr(signal, "SIGALRM"), reason="Windows has no alarm signal: run.timeout_s is not kept there"
)
def test_a_client_that_takes_too_long_is_stopped():
    from xlplugin.batch.isolation import TooSlowError, time_limit

    def slow() -> None:
        with time_limit(0.2):
            while time.monotonic() < began + 10:
                pass

    began = time.monotonic()
    with pytest.raises(TooSlowError, match=r"not finished after 0\.2 s"):
        slow()
    assert time.monotonic() < began + 5


DYING = """
import os, sys
from pathlib import Path
from tests.batch.test_run import planned
from xlplugin.batch import task
from xlplugin.batch.run import execute
original = task.make_book
def make_book(shared, one, book, language):
    if one.client_id == "T0003":
        os._exit(9)
    return original(shared, one, book, language)
task.make_book = make_book
if __name__ == "__main__":
    for record in execute(planned(Path(sys.argv[1])), workers=2):
        print(record.client_id, record.status, record.fault.code if record.fault else "", flush=True)
"""


def test_a_worker_that_dies_takes_one_client_with_it_and_no_other(tmp_path):
    path = tiny_job(tmp_path, 8)
    command = script(tmp_path, DYING, path)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    rows = sorted(line.split() for line in done.stdout.splitlines())
    assert rows == [[f"T000{n}", "failed", "DI-198"] if n == 3 else [f"T000{n}", "done"] for n in range(1, 9)]


# -- the disk ------------------------------------------------------------------------------------------------


def test_a_file_where_the_folder_should_be_ends_the_run_with_one_sentence(tmp_path):
    path = tiny_job(tmp_path, 2)
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(StorageError, match="a file stands where a folder is needed"):
        run(path)


LOCKED = """
import sys
from pathlib import Path
from tests.batch.test_run import planned
from xlplugin.batch.run import execute
from xlplugin.batch.writing import StorageError
try:
    list(execute(planned(Path(sys.argv[1])), workers=1))
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows does not read the mode of a folder")
def test_a_folder_that_may_not_be_written_ends_the_run_with_one_sentence(tmp_path):
    path = tiny_job(tmp_path, 2)
    (tmp_path / "out").mkdir(mode=0o500)
    command = script(tmp_path, LOCKED, path)
    if os.geteuid() == 0:  # root writes everywhere, unless it gives that right away
        command = [program("setpriv", package="util-linux"), "--bounding-set=-dac_override", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert "may not be written" in done.stdout
    assert not list((tmp_path / "out").iterdir())


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.batch.test_run import planned
from xlplugin.batch.run import execute
from xlplugin.batch.writing import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
plan = planned(Path(sys.argv[1]))
from xlplugin.batch import task
file = task.share  # the shared file is larger than a book: let it through
def share(shared):
    made = file(shared)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
    return made
import xlplugin.batch.run as runner
runner.share = share
try:
    list(execute(plan, workers=1))
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_disk_that_takes_no_more_ends_the_run_and_leaves_no_half_file(tmp_path):
    path = tiny_job(tmp_path, 3)
    command = script(tmp_path, FULL, path)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert "cannot be written: the disk takes no more" in done.stdout
    assert not list((tmp_path / "out").rglob("*.xlsx"))
    assert not [p for p in (tmp_path / "out").rglob(".*.part") if p.is_file()]


def test_an_older_file_survives_a_failed_write(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, b"old")
    part = part_of(path)
    part.mkdir()  # the temporary name cannot be used
    with pytest.raises(StorageError):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_leftovers_are_those_of_processes_that_are_no_more(tmp_path):
    mine = part_of(tmp_path / "a.xlsx")
    mine.write_bytes(b"")
    gone = mine.with_name(mine.name.replace(f".{os.getpid()}.part", ".999999999.part"))
    gone.write_bytes(b"")
    other = tmp_path / ".a.xlsx.another-machine.1.part"
    other.write_bytes(b"")
    assert leftovers(tmp_path) == [gone]


def test_a_shared_file_that_changed_is_refused_by_the_workers(tmp_path):
    from xlplugin.batch.task import run_tasks, share

    plan = planned(tiny_job(tmp_path, 1))
    file = share(plan.shared)
    file.path.write_bytes(b"something else")
    with pytest.raises(FileError, match="changed since the run began"):
        run_tasks(file, plan.tasks)
