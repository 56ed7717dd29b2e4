from devstack.bench.medians import medians


def test_each_member_has_its_own_median():
    rows = [{"web": 1.0, "relay": 9.0}, {"web": 3.0, "relay": 7.0}, {"web": 2.0, "relay": 8.0}]

    assert medians(rows) == {"web": 2.0, "relay": 8.0}


def test_what_a_run_lacks_is_nothing_there():
    assert medians([{"web": 4.0}, {}]) == {"web": 2.0}
