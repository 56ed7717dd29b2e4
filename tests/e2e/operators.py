"""Django admin, as an operator with a browser uses it."""

import re

import requests

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_TIMEOUT = 30


class Operator:
    """The demo's administrator, logged in at one of the services."""

    def __init__(self, url):
        self._url = url
        self._session = requests.Session()
        self.press("/admin/login/", username="admin", password="admin")

    def look(self, path):
        """Open a page; return what is shown, wherever it leads to."""
        page = self._session.get(f"{self._url}{path}", timeout=_TIMEOUT)
        page.raise_for_status()
        return page

    def press(self, path, **fields):
        """Fill in a page's form and press its button; return the page that it leads to."""
        form = dict(_HIDDEN.findall(self.look(path).text)) | fields
        page = self._session.post(f"{self._url}{path}", data=form, timeout=_TIMEOUT)
        page.raise_for_status()
        assert page.history, "the form was not taken"
        return page
