"""What `tests/conftest.py` promises to all tests."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


def test_tests_of_a_group_run_in_one_worker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_grouped="""
            import pytest

            @pytest.mark.xdist_group("group")
            @pytest.mark.parametrize("number", range(4))
            def test_of_a_group(number, worker_id):
                print("ran in", worker_id)
        """
    )
    done = pytester.runpytest_subprocess("-n", "2", "--dist", "loadgroup", "-rP")
    done.assert_outcomes(passed=4)
    workers = {line for line in done.outlines if line.startswith("ran in gw")}
    assert len(workers) == 1
