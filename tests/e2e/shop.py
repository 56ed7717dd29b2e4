"""The shop, as somebody with a browser uses it."""

import re
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

GOOD = "4242 4242 4242 4242"
WITHOUT_MONEY = "4000 0000 0000 9995"
CHALLENGED = "4000 0000 0000 3220"
CVC = "987"
PHONE = {"width": 360, "height": 740}

expect.set_options(timeout=20_000)  # milliseconds; the machine may be busy
AXE = Axe()


class Shop:
    """One browser window in the shop. It remembers what went wrong, and what was sent to us."""

    def __init__(self, context: BrowserContext, url: str, *, screenshots: Path) -> None:
        self.url = url
        self.screenshots = screenshots
        self.problems: list[str] = []
        self.sent: list[str] = []
        self.fields: set[str] = set()
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("request", self._see)
        self.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) =>"
            " console.error(`refused: ${event.violatedDirective} ${event.blockedURI}`))"
        )

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _see(self, request):
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            return
        body = request.post_data_buffer or b""
        self.sent.append(f"{request.url} {request.headers} {body.decode()}")
        if request.url.endswith("/pay/"):
            head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
            parts: list[Message] = BytesParser().parsebytes(head + body).get_payload()
            self.fields |= {part.get_param("name", header="content-disposition") for part in parts}

    def open(self, path=""):
        self.page.goto(f"{self.url}/checkout/{path}")

    def log_in(self, name):
        self.open("login/")
        self.page.locator("#id_username").fill(name)
        self.page.locator("#id_password").fill(name)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/checkout/")

    def order(self, item):
        """Order an item: by its name in the page's language."""
        self.open()
        self.page.get_by_role("button", name=re.compile(item, re.IGNORECASE)).click()
        expect(self.card.locator("#number")).to_be_visible()

    @property
    def card(self):
        """The inside of Stripe's frame."""
        return self.page.frame_locator("#card iframe")

    @property
    def bank(self):
        """The bank's page, where Stripe.js shows it over ours."""
        return self.page.frame_locator("iframe[name=stripe-challenge-frame]")

    @property
    def pay_button(self):
        return self.page.locator("button.pay")

    def type_card(self, number, *, cvc=CVC):
        self.card.locator("#number").fill(number)
        self.card.locator("#expiry").fill("12 / 40")
        self.card.locator("#cvc").fill(cvc)

    def pay(self, number):
        self.type_card(number)
        self.pay_button.click()

    def expect_state(self, state):
        expect(self.page.locator("#where")).to_have_attribute("data-state", state)

    def expect_text(self, text):
        expect(self.page.locator("#live")).to_contain_text(text)

    @property
    def payment_intent(self):
        """The PaymentIntent's id, from the receipt."""
        return self.page.locator(".receipt code").last.inner_text()

    def screenshot(self, name):
        self.page.screenshot(path=self.screenshots / f"{name}.png", full_page=True)

    def axe_violations(self):
        options = {"resultTypes": ["violations"], "iframes": False}  # Stripe's frame is Stripe's
        found = AXE.run(self.page, options=options).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]

    def is_too_wide(self):
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth")

    def card_data_sent_to_us(self):
        digits = [re.sub(r"(?<=\d)(?:[\s+-]|%20)(?=\d)", "", text) for text in self.sent]
        numbers = [card.replace(" ", "") for card in (GOOD, WITHOUT_MONEY, CHALLENGED)]
        typed = [rf"(?:=|\r\n\r\n){CVC}(?:&|\r\n|$)", *numbers]
        return [text for text in digits for secret in typed if re.search(secret, text)]


def cookies_of(name, *, chromium, url):
    """Log in once, for many visits."""
    context = chromium.new_context()
    Shop(context, url, screenshots=Path()).log_in(name)
    cookies = context.storage_state()
    context.close()
    return cookies


@contextmanager
def visits(chromium, url, screenshots, *, customer):
    """Give a function that opens the shop; in the end nothing may have gone wrong."""
    contexts, shops = [], []
    logged_in = customer

    def visit(*, language="en-GB", customer=logged_in, **options):
        context = chromium.new_context(locale=language, storage_state=customer, **options)
        contexts.append(context)
        shops.append(Shop(context, url, screenshots=screenshots))
        return shops[-1]

    yield visit
    for context in contexts:
        context.close()
    for shop in shops:
        assert not shop.problems, "\n".join(shop.problems)
        assert shop.card_data_sent_to_us() == []
        assert shop.fields <= {
            *("csrfmiddlewaretoken", "attempt", "confirmation_token", "save_card"),
            *("version", "trial_days"),
        }
