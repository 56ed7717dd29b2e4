/* A stand-in for Stripe.js: https://docs.stripe.com/js, as far as docs/stripe-emulator.md says.
 * Card numbers are typed into a frame of the emulator's origin and never reach the page. */
(() => {
  "use strict";

  const ORIGIN = new URL(document.currentScript.src).origin;
  const ASKS_FOR_ACTION = "requires_action";

  class Api {
    constructor(key) {
      this.key = key;
    }

    async request(method, path, params = {}) {
      const encoded = encode(params).toString();
      const query = method === "GET" && encoded ? `?${encoded}` : "";
      const response = await fetch(`${ORIGIN}/v1/${path}${query}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.key}`,
          "Content-Type": "application/x-www-form-urlencoded",
        },
        body: method === "GET" ? undefined : encoded,
      });
      const body = await response.json();
      return body.error ? { error: body.error } : { object: body };
    }
  }

  /** `{card: {number: 1}}` to `card[number]=1`. */
  function encode(params, prefix = "", into = new URLSearchParams()) {
    for (const [name, value] of Object.entries(params)) {
      const key = prefix ? `${prefix}[${name}]` : name;
      if (value === undefined || value === null) continue;
      if (typeof value === "object") encode(value, key, into);
      else into.append(key, String(value));
    }
    return into;
  }

  /** One mounted element: a frame that keeps the card, and answers by messages. */
  class Element {
    constructor({ key, locale }, kind, options, theme = "stripe") {
      this.kind = kind;
      this.listeners = {};
      this.waiting = new Map();
      this.complete = false;
      this.frame = document.createElement("iframe");
      this.frame.src = `${ORIGIN}/v3/frame.html#${new URLSearchParams({ key, kind, locale, theme })}`;
      this.frame.title = "Secure card payment input frame";
      this.frame.name = `__stripe_emulator_${kind}`;
      this.frame.setAttribute("allow", "payment *");
      // A frame whose colour scheme is not the page's is opaque.
      this.frame.style.cssText =
        "border:0;margin:-3px;width:calc(100% + 6px);color-scheme:light dark;height:" +
        (kind === "card" ? "50px" : "160px");
      this.options = options || {};
      this.ready = new Promise((resolve) => (this.isReady = resolve));
      window.addEventListener("message", (message) => this.hear(message));
    }

    mount(target) {
      const parent = typeof target === "string" ? document.querySelector(target) : target;
      if (!parent) {
        throw new Error(`The selector you specified (${target}) applies to no DOM elements.`);
      }
      parent.replaceChildren(this.frame);
    }

    unmount() {
      this.frame.remove();
    }

    destroy() {
      this.unmount();
    }

    update(options) {
      Object.assign(this.options, options);
    }

    clear() {
      return this.ask("clear");
    }

    focus() {
      this.frame.focus();
    }

    on(name, listener) {
      (this.listeners[name] = this.listeners[name] || []).push(listener);
      return this;
    }

    hear(message) {
      if (message.source !== this.frame.contentWindow || message.origin !== ORIGIN) return;
      const { id, result, event, detail } = message.data;
      if (id) {
        this.waiting.get(id)?.(result);
        this.waiting.delete(id);
        return;
      }
      if (event === "ready") this.isReady();
      if (event === "change") this.complete = detail.complete;
      for (const listener of this.listeners[event] || []) {
        listener({ elementType: this.kind, ...detail });
      }
    }

    async ask(command, params = {}) {
      await this.ready;
      const id = `${command}-${Math.random()}`;
      return new Promise((resolve) => {
        this.waiting.set(id, resolve);
        this.frame.contentWindow.postMessage({ id, command, params }, ORIGIN);
      });
    }
  }

  class Elements {
    constructor(account, options) {
      this.account = account;
      this.options = options || {};
      this.made = {};
    }

    create(kind, options) {
      if (!["payment", "card"].includes(kind)) {
        throw new Error(`The element ${kind} is not emulated: use payment or card.`);
      }
      if (this.made[kind]) throw new Error(`Can only create one Element of type ${kind}.`);
      const { theme } = this.options.appearance || {};
      this.made[kind] = new Element(this.account, kind, options, theme);
      return this.made[kind];
    }

    getElement(kind) {
      return this.made[kind] || null;
    }

    update(options) {
      Object.assign(this.options, options);
    }

    async fetchUpdates() {
      return {};
    }

    async submit() {
      const result = await this.collector().ask("validate");
      return result.error ? result : { selectedPaymentMethod: "card" };
    }

    collector() {
      const element = this.made.payment || this.made.card;
      if (!element) throw new Error("Mount a payment or card element first.");
      return element;
    }
  }

  class Stripe {
    constructor(key, { locale = "auto" } = {}) {
      if (!/^pk_test_./.test(key || "")) {
        throw new Error("Stripe() needs a publishable test key: pk_test_…");
      }
      this.api = new Api(key);
      this.account = { key, locale };
    }

    elements(options) {
      return new Elements(this.account, options);
    }

    async createPaymentMethod({ type, card, elements, billing_details, params = {} }) {
      const details = billing_details || params.billing_details;
      const element = elements ? elements.collector() : card;
      if (element instanceof Element) {
        return element.ask("createPaymentMethod", { billing_details: details });
      }
      const created = await this.api.request("POST", "payment_methods", {
        type: type || "card",
        card,
        billing_details: details,
      });
      return renamed(created, "paymentMethod");
    }

    async createConfirmationToken({ elements, params = {} }) {
      const setup_future_usage = elements.options.setupFutureUsage;
      return elements.collector().ask("createConfirmationToken", { setup_future_usage, ...params });
    }

    async confirmPayment({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      return this.confirm("payment", { elements, clientSecret, confirmParams, redirect });
    }

    async confirmSetup({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      return this.confirm("setup", { elements, clientSecret, confirmParams, redirect });
    }

    async confirmCardPayment(clientSecret, data = {}, options = {}) {
      return this.confirmCard("payment", clientSecret, data, options);
    }

    async confirmCardSetup(clientSecret, data = {}, options = {}) {
      return this.confirmCard("setup", clientSecret, data, options);
    }

    async retrievePaymentIntent(clientSecret) {
      return this.retrieve("payment", clientSecret);
    }

    async retrieveSetupIntent(clientSecret) {
      return this.retrieve("setup", clientSecret);
    }

    async handleNextAction({ clientSecret }) {
      const kind = clientSecret.startsWith("seti_") ? "setup" : "payment";
      const found = await this.retrieve(kind, clientSecret);
      return found.error ? found : this.act(kind, found[intentName(kind)]);
    }

    async handleCardAction(clientSecret) {
      return this.handleNextAction({ clientSecret });
    }

    async confirm(kind, { elements, clientSecret, confirmParams, redirect }) {
      const secret = clientSecret || elements?.options.clientSecret;
      if (!secret) throw new Error("Pass a clientSecret, or elements created with one.");
      const { return_url, payment_method_data, ...rest } = confirmParams;
      if (elements && !rest.payment_method && !rest.confirmation_token) {
        const made = await this.createPaymentMethod({ elements, params: payment_method_data });
        if (made.error) return made;
        rest.payment_method = made.paymentMethod.id;
      }
      const result = await this.send(kind, secret, { ...rest, return_url });
      const intent = result[intentName(kind)];
      if (result.error || redirect === "if_required") return result;
      if (!return_url) throw new Error("confirmParams.return_url is needed to redirect.");
      location.assign(withOutcome(return_url, kind, intent));
      return new Promise(() => {});
    }

    async confirmCard(kind, clientSecret, { payment_method, ...rest }, { handleActions = true }) {
      let method = payment_method;
      if (method && typeof method === "object") {
        const made = await this.createPaymentMethod({ type: "card", ...method });
        if (made.error) return made;
        method = made.paymentMethod.id;
      }
      return this.send(kind, clientSecret, { ...rest, payment_method: method }, handleActions);
    }

    async send(kind, clientSecret, params, handleActions = true) {
      const path = `${kind}_intents/${intentId(clientSecret)}/confirm`;
      const sent = await this.api.request("POST", path, { ...params, client_secret: clientSecret });
      const result = renamed(sent, intentName(kind));
      if (result.error || !handleActions) return result;
      return this.act(kind, result[intentName(kind)]);
    }

    async retrieve(kind, clientSecret) {
      const path = `${kind}_intents/${intentId(clientSecret)}`;
      const found = await this.api.request("GET", path, { client_secret: clientSecret });
      return renamed(found, intentName(kind));
    }

    /** Let the customer do what the intent asks for, then look at it again. */
    async act(kind, intent) {
      if (intent.status !== ASKS_FOR_ACTION) return { [intentName(kind)]: intent };
      const action = intent.next_action;
      if (action.type === "redirect_to_url") {
        location.assign(action.redirect_to_url.url);
        return new Promise(() => {});
      }
      await challenge(action.use_stripe_sdk.stripe_js);
      const found = await this.retrieve(kind, intent.client_secret);
      const now = found[intentName(kind)];
      const failure = now && (now.last_payment_error || now.last_setup_error);
      if (now && now.status === "requires_payment_method" && failure) {
        return { error: { ...failure, [`${kind}_intent`]: now } };
      }
      return found;
    }
  }

  /** Show the bank's page over everything until it says that it is done. */
  function challenge(url) {
    return new Promise((resolve) => {
      const overlay = document.createElement("div");
      overlay.style.cssText =
        "position:fixed;inset:0;background:rgba(0,0,0,.6);z-index:2147483647;display:flex";
      const frame = document.createElement("iframe");
      frame.src = url;
      frame.name = "stripe-challenge-frame";
      frame.title = "3-D Secure";
      frame.style.cssText = "margin:auto;width:min(400px,100%);height:400px;border:0;background:#fff";
      overlay.append(frame);
      document.body.append(overlay);
      const hear = (message) => {
        if (message.source !== frame.contentWindow || message.origin !== ORIGIN) return;
        if (message.data.stripeEmulator !== "3d_secure") return;
        window.removeEventListener("message", hear);
        overlay.remove();
        resolve(message.data.status);
      };
      window.addEventListener("message", hear);
    });
  }

  function withOutcome(returnUrl, kind, intent) {
    const url = new URL(returnUrl);
    url.searchParams.set(`${kind}_intent`, intent.id);
    url.searchParams.set(`${kind}_intent_client_secret`, intent.client_secret);
    const failed = intent.status === "requires_payment_method";
    url.searchParams.set("redirect_status", failed ? "failed" : "succeeded");
    return url.toString();
  }

  function renamed(answer, name) {
    return answer.error ? answer : { [name]: answer.object };
  }

  function intentName(kind) {
    return `${kind}Intent`;
  }

  function intentId(clientSecret) {
    return clientSecret.split("_secret_")[0];
  }

  window.Stripe = (key, options) => new Stripe(key, options);
  window.Stripe.version = 3;
})();
