"""Links of earlier versions: they lead to where the page is now, with all that they say."""

import pytest

from pages.parts import shell
from pages.parts.i18n import entries

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("former", "page"), shell.FORMER_ADDRESSES.items())
def test_former_address_opens_the_page(sit, sample_run, former, page):
    reader = sit("en")
    reader.page.goto(f"{reader.address}/{former}?lang=ja&run={sample_run}")
    reader.page.get_by_role("heading", name=entries("ja")[f"{page}.title"]).wait_for()
    reader.page.wait_for_url(f"**/{page}?*")
    assert f"run={sample_run}" in reader.page.url
