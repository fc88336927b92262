"""Changes found by comparing full reads keep every law, with and without the rows as they were."""

from connector_sdk.testing.laws import check_law, law_tests

from tests.laws.compared import Compared, ComparedWithImages, LosesASplit

test_changes_by_comparison_keep = law_tests(Compared, crash_points=25)


def test_before_images_keep_the_laws_of_changes():
    for law in (2, 4, 11, 12):
        result = check_law(law, ComparedWithImages)
        assert result.verdict == "kept", result.detail


def test_it_is_the_comparison_that_is_looked_at():
    assert "changes" in check_law(2, Compared).detail
    for law in (4, 11):
        assert check_law(law, Compared).verdict == "kept"
        assert check_law(law, LosesASplit).verdict == "broken"
