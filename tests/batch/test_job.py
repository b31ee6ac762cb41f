"""Job files: what is read, what is refused, and how a mistake is told."""

import datetime as dt
from decimal import Decimal

import pytest

from tests.batch.tiny import job as tiny_job
from workbooks.sample.make import AS_OF
from xlplugin.batch.job import load_job
from xlplugin.errors import FileError

BASE = """
[job]
as_of = 2026-11-20
[input]
clients = "c.csv"
[market]
constituents = "m.csv"
prices = "p.csv"
[output]
folder = "out"
"""


def written(tmp_path, text):
    path = tmp_path / "job.toml"
    path.write_text(text, "utf-8")
    return path


def test_paths_are_relative_to_the_job_file(tmp_path):
    job = load_job(written(tmp_path, BASE))
    assert job.tables["clients"] == tmp_path / "c.csv"
    assert job.markets[""].constituents == tmp_path / "m.csv"
    assert job.folder == tmp_path / "out"
    assert (job.name, job.as_of, job.make, job.languages) == (
        "job",
        dt.date(2026, 11, 20),
        ("proposal",),
        ("client",),
    )


def test_the_sample_job_has_two_markets(sample):
    job = load_job(sample / "job.toml")
    assert set(job.markets) == {"jp", "us"}
    assert job.as_of == AS_OF


def test_one_value_is_overridden_from_the_command_line(tmp_path):
    path = written(tmp_path, BASE)
    job = load_job(path, ["run.workers=2", 'job.make=["proposal", "advisor"]', "output.folder=elsewhere"])
    assert (job.workers, job.make, job.folder) == (2, ("proposal", "advisor"), tmp_path / "elsewhere")


def test_defaults_are_read_as_the_cells_of_a_client_would_be(tmp_path):
    text = BASE + '[defaults]\nte_limit = 0.012\nbudget = "10%"\nscenario = "d"\n'
    job = load_job(written(tmp_path, text))
    assert job.defaults == {"te_limit": Decimal("0.012"), "budget": "10%", "scenario": "D"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BASE.replace("[job]", "[jobs]"), "jobs is not a section of a job; did you mean job?"),
        (BASE.replace("as_of", "asof"), "asof is not a key of [job]; did you mean as_of?"),
        (
            BASE.replace("as_of = 2026-11-20", 'as_of = "soon"'),
            "[job] as_of must be a date such as 2026-11-20",
        ),
        (BASE + "[run]\nworkers = 0\n", "workers must be a whole number from 1, got 0"),
        (BASE + "[run]\non_error = 'ignore'\n", "on_error must be one of continue, stop, got 'ignore'"),
        (BASE + "[run]\nresume = 1\n", "resume must be true or false, got 1"),
        (BASE.replace('clients = "c.csv"', 'lots = "l.csv"'), "[input] clients is missing"),
        (BASE.replace('clients = "c.csv"', 'form = "folder"'), "[input] folder is missing"),
        (BASE.replace('clients = "c.csv"', 'form = "database"'), "[input] url is missing"),
        (BASE.replace('folder = "out"', ""), "[output] folder is missing"),
        (BASE.replace('constituents = "m.csv"', ""), "[market] constituents is missing"),
        (BASE + "[defaults]\nte_limt = 0.01\n", "te_limt is not a setting; did you mean te_limit?"),
        (
            BASE + "[defaults]\nte_limit = 'wide'\n",
            "[defaults] te_limit: expected a fraction such as 0.012 or 1.2%",
        ),
        (BASE.replace("[output]", "[output"), "this is not TOML"),
    ],
)
def test_a_mistake_in_a_job_is_one_sentence_with_the_file(tmp_path, text, sentence):
    with pytest.raises(FileError) as caught:
        load_job(written(tmp_path, text))
    assert sentence in str(caught.value)
    assert "job.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_job_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no such job file"):
        load_job(tmp_path / "absent.toml")


def test_an_override_that_is_no_assignment_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"expected section\.key=value"):
        load_job(tiny_job(tmp_path), ["workers"])
