"""Changes found by comparing full reads keep every law, with and without the rows as they were."""

from connector_sdk.testing.laws import check_law, law_tests

from tests.laws.compared import Compared, ComparedWithImages

test_changes_by_comparison_keep = law_tests(Compared, crash_points=25)


def test_before_images_keep_the_laws_of_changes():
    for law in (2, 4, 11, 12):
        result = check_law(law, ComparedWithImages)
        assert result.verdict == "kept", result.detail
