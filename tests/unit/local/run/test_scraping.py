"""What a scrape takes of a home: an empty directory for counts, and the secret for no other user."""

from pathlib import Path

from local.run.scraping import metrics_directory, scrapable, secret_file


def test_the_secret_is_there_for_its_user_alone_and_as_long_as_the_system_runs(tmp_path: Path) -> None:
    with scrapable(tmp_path, "a secret"):
        assert secret_file(tmp_path).read_text() == "a secret"
        assert secret_file(tmp_path).stat().st_mode & 0o777 == 0o600
        assert metrics_directory(tmp_path).stat().st_mode & 0o777 == 0o700

    assert not secret_file(tmp_path).exists()


def test_what_a_run_that_was_killed_has_left_is_gone(tmp_path: Path) -> None:
    metrics_directory(tmp_path).mkdir()
    counts = metrics_directory(tmp_path) / "counter_17.db"
    counts.write_bytes(b"counts")
    secret_file(tmp_path).write_text("the former one")

    with scrapable(tmp_path, "another"):
        assert not counts.exists()
        assert secret_file(tmp_path).read_text() == "another"


def test_a_file_that_a_user_has_removed_ends_nothing(tmp_path: Path) -> None:
    with scrapable(tmp_path, "a secret"):
        secret_file(tmp_path).unlink()
