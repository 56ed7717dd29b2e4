/* As much of a browser as Stripe.js needs: two windows that post messages, frames, a form.
 * node browser.js <origin> <scenario>; prints what the scenario returns, as JSON. */
"use strict";
const vm = require("node:vm");

const [origin, scenario] = process.argv.slice(2);
const pages = [];

class Target {
  constructor() {
    this.listeners = {};
  }
  addEventListener(name, listener) {
    (this.listeners[name] = this.listeners[name] || []).push(listener);
  }
  removeEventListener(name, listener) {
    this.listeners[name] = (this.listeners[name] || []).filter((other) => other !== listener);
  }
  dispatch(name, event) {
    for (const listener of this.listeners[name] || []) listener(event);
  }
}

class Node extends Target {
  constructor(page, tag) {
    super();
    Object.assign(this, { page, tag, style: {}, value: "", children: [] });
  }
  setAttribute() {}
  focus() {}
  reset() {
    for (const field of Object.values(this.page.fields)) field.value = "";
  }
  remove() {}
  append(...nodes) {
    for (const node of nodes) {
      this.children.push(node);
      node.load?.();
      for (const child of node.children || []) child.load?.();
    }
  }
  replaceChildren(...nodes) {
    this.append(...nodes);
  }
  load() {
    if (this.tag !== "iframe" || this.contentWindow) return;
    const opened = openPage(this.page, this.src);
    this.contentWindow = opened.window;
    pages.push(opened);
    opened.start();
  }
}

/** Make a window; `postMessage` on it tells its listeners who sent and from where. */
function openPage(parent, url) {
  const page = { url: new URL(url), fields: {}, parent };
  const window = new Target();
  page.window = window;
  page.body = new Node(page, "body");
  window.proxyFor = (sender) => ({
    postMessage: (data) =>
      setImmediate(() =>
        window.dispatch("message", { data, source: sender.window, origin: sender.url.origin }),
      ),
  });
  window.postMessage = (data) => window.proxyFor(parent || page).postMessage(data);
  page.assigned = [];
  const document = {
    body: page.body,
    currentScript: { src: `${origin}/v3/` },
    createElement: (tag) => new Node(page, tag),
    querySelector: () => page.body,
    getElementById: (id) => (page.fields[id] = page.fields[id] || new Node(page, "input")),
  };
  const parentWindow = parent ? { postMessage: parent.window.proxyFor(page).postMessage } : window;
  const proxy = new Proxy(window, {
    get: (target, name) => (name === "parent" ? parentWindow : target[name]),
    set: (target, name, value) => ((target[name] = value), true),
  });
  window.seenAs = proxy;
  page.context = vm.createContext({
    window: proxy,
    document,
    location: { hash: page.url.hash, assign: (to) => page.assigned.push(to) },
    fetch: (path, options) => fetch(new URL(path, page.url), options),
    URL,
    URLSearchParams,
    console,
    setTimeout,
  });
  page.start = async () => {
    if (page.url.pathname === "/v3/frame.html") await run(page, `${origin}/v3/frame.js`, parentWindow);
    if (page.url.pathname.startsWith("/3d_secure/")) await answerBank(page, parent);
  };
  return page;
}

async function run(page, url, parentWindow) {
  const code = await (await fetch(url)).text();
  const listen = page.window.addEventListener.bind(page.window);
  page.window.addEventListener = (name, listener) =>
    listen(name, (event) => listener(parentWindow ? { ...event, source: parentWindow } : event));
  vm.runInContext(code, page.context);
}

async function answerBank(page, parent) {
  const outcome = scenario.includes("fail") ? "fail" : "complete";
  await fetch(page.url, { method: "POST", body: new URLSearchParams({ outcome }) });
  parent.window.dispatch("message", {
    data: { stripeEmulator: "3d_secure", status: "done" },
    source: page.window,
    origin: page.url.origin,
  });
}

async function intent(params) {
  const response = await fetch(`${origin}/v1/payment_intents`, {
    method: "POST",
    headers: { Authorization: "Bearer sk_test_browser" },
    body: new URLSearchParams({ amount: 1000, currency: "eur", ...params }),
  });
  return response.json();
}

function type(number) {
  const field = (name) => pages[0].context.document.getElementById(name);
  for (const [name, value] of Object.entries({ number, expiry: "12 / 40", cvc: "123" })) {
    field(name).value = value;
  }
  field("card").dispatch("input", {});
}

async function elementsOf(stripe, kind, options) {
  const elements = stripe.elements(options);
  const element = elements.create(kind);
  const ready = new Promise((resolve) => element.on("ready", resolve));
  element.mount("#card");
  await ready;
  return { elements, element };
}

const scenarios = {
  async confirm_card_payment(stripe) {
    const { client_secret } = await intent();
    const { element } = await elementsOf(stripe, "card");
    type("4242424242424242");
    return stripe.confirmCardPayment(client_secret, { payment_method: { card: element } });
  },
  async three_d_secure(stripe) {
    const { client_secret } = await intent();
    return stripe.confirmCardPayment(client_secret, {
      payment_method: "pm_card_threeDSecure2Required",
    });
  },
  async three_d_secure_fail(stripe) {
    return scenarios.three_d_secure(stripe);
  },
  async confirm_payment_redirects(stripe, page) {
    const { client_secret } = await intent();
    const { elements } = await elementsOf(stripe, "payment", { clientSecret: client_secret });
    type("4242424242424242");
    await elements.submit();
    stripe.confirmPayment({ elements, confirmParams: { return_url: "https://shop.example/r?a=1" } });
    while (!page.assigned.length) await new Promise((resolve) => setTimeout(resolve, 5));
    return { assigned: page.assigned[0] };
  },
  async declined(stripe) {
    const { client_secret } = await intent();
    const { elements } = await elementsOf(stripe, "payment", { clientSecret: client_secret });
    type("4000 0000 0000 9995");
    return stripe.confirmPayment({ elements, redirect: "if_required" });
  },
  async confirmation_token(stripe) {
    const { elements } = await elementsOf(stripe, "payment", { mode: "payment", amount: 1000 });
    type("4242 4242 4242 4242");
    const params = { return_url: "https://shop.example/r" };
    const { confirmationToken } = await stripe.createConfirmationToken({ elements, params });
    const paid = await intent({ confirm: true, confirmation_token: confirmationToken.id });
    return { ...(await stripe.retrievePaymentIntent(paid.client_secret)), confirmationToken };
  },
  async handle_next_action(stripe) {
    const waiting = await intent({
      confirm: true,
      confirmation_method: "manual",
      payment_method: "pm_card_threeDSecure2Required",
      use_stripe_sdk: true,
    });
    return stripe.handleNextAction({ clientSecret: waiting.client_secret });
  },
  async incomplete(stripe) {
    const { elements } = await elementsOf(stripe, "payment", { mode: "payment", amount: 1000 });
    type("4242");
    return elements.submit();
  },
};

(async () => {
  const page = openPage(null, "https://shop.example/checkout");
  await run(page, `${origin}/v3/`, null);
  const stripe = page.window.Stripe("pk_test_browser");
  console.log(JSON.stringify(await scenarios[scenario](stripe, page)));
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
