/* The page that takes cards: a card becomes a ConfirmationToken at Stripe, our server is told the
 * token, and the page follows what becomes of it. What it says comes from the server as fragments,
 * in the customer's language. https://docs.stripe.com/payments/build-a-two-step-confirmation */
(() => {
  "use strict";

  const FIRST_LOOK = 250;
  const SELDOMEST_LOOK = 3000;
  const SLOW = 10_000;
  const BANK_ANSWERS_WITHIN = 20_000;
  const TRIES = 5;

  const at = (id) => document.getElementById(id);
  const addresses = at("order").dataset;
  const form = at("pay");
  const wanted = JSON.parse(at("stripe-options").textContent);
  const where = () => at("where").dataset;
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  let stripe;
  let elements;
  let following = false;

  function showForm() {
    form.hidden = false;
    setBusy(false);
    if (elements) return;
    const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe";
    elements = stripe.elements({ ...wanted.elements, appearance: { theme } });
    elements.create("payment").mount("#card");
  }

  function setBusy(busy) {
    form.querySelector("button").disabled = busy;
    form.classList.toggle("busy", busy);
  }

  function complain(text) {
    const problem = at("problem");
    problem.textContent = text;
    problem.hidden = !text;
  }

  /** Show a fragment, unless it says what is shown already: screen readers would read it again. */
  function show(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fragment = template.content.getElementById("where");
    if (!fragment) return location.reload(); // a login page, for example
    if (fragment.dataset.page) {
      location.assign(fragment.dataset.page); // what was made has a page of its own
      return new Promise(() => {});
    }
    if (fragment.dataset.version !== where().version) at("live").replaceChildren(fragment);
    else where().answered = fragment.dataset.answered;
  }

  /** Ask the server; it knows what it is asked twice, so a lost answer is asked for again. */
  async function ask(address, options) {
    for (let tried = 0; tried < TRIES; tried += 1) {
      const { status, html } = await send(address, options);
      if (status === 200) return show(html);
      if (status < 500) return location.reload(); // logged out, or another price by now
      await pause(FIRST_LOOK * 2 ** tried);
    }
    throw new Error(at("no-server").innerHTML);
  }

  async function send(address, options) {
    try {
      const response = await fetch(address, { ...options, signal: AbortSignal.timeout(15_000) });
      return { status: response.status, html: await response.text() };
    } catch {
      return { status: 599 }; // no answer, which is no better than a bad one
    }
  }

  function tell(address, values) {
    const body = new FormData(form);
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    return ask(address, { method: "POST", body });
  }

  async function pay() {
    const submitted = await elements.submit();
    if (submitted.error) return complain(submitted.error.message);
    const created = await stripe.createConfirmationToken({ elements });
    if (created.error) return complain(created.error.message);
    const { attempt } = where();
    await tell(addresses.pay, { attempt, confirmation_token: created.confirmationToken.id });
    at("live").focus();
    await follow({ mayAct: true });
  }

  /** Let the bank see the customer; if that needs another page, the browser leaves for it. */
  async function answerBank() {
    const { secret, method } = where();
    const { error } = method // tried without them, so it begins anew
      ? await stripe.confirmCardPayment(secret, { payment_method: method })
      : await stripe.handleNextAction({ clientSecret: secret });
    if (error?.type === "api_connection_error") throw new Error(error.message);
    await tell(addresses.answered, {}); // and if the bank said no, this shows it soonest
  }

  /** Look until there is nothing to wait for. */
  async function follow({ mayAct = false } = {}) {
    if (following) return;
    following = true;
    try {
      let since = Date.now();
      for (let delay = FIRST_LOOK; where().state === "waiting" || mayAct; delay *= 1.3) {
        if (where().state === "action") {
          mayAct = false;
          form.hidden = true;
          await answerBank();
          since = Date.now(); // people take minutes for this
          continue;
        }
        if (where().state !== "waiting") break;
        form.hidden = true;
        const waited = Date.now() - since;
        const slow = document.querySelector(".slow");
        if (slow && waited > SLOW) slow.hidden = false;
        await pause(Math.min(delay, SELDOMEST_LOOK));
        const answered = waited < BANK_ANSWERS_WITHIN ? where().answered : "";
        await ask(answered ? `${addresses.status}?answered=${answered}` : addresses.status);
      }
    } finally {
      following = false;
    }
    if (where().state === "payable") showForm();
    else form.hidden = true;
  }

  /** Where things go on without the customer, show it as it happens; what they type stays. */
  async function watch() {
    for (;;) {
      await pause(SELDOMEST_LOOK);
      if (document.hidden || following || form.classList.contains("busy")) continue;
      const before = where().state;
      const { status, html } = await send(addresses.status);
      if (following || form.classList.contains("busy") || status !== 200) continue;
      show(html);
      if (where().state !== before) await run(() => follow());
    }
  }

  /** Run what the customer asked for, once at a time, and tell them if it cannot be done. */
  async function run(task) {
    complain("");
    setBusy(true);
    try {
      await task();
    } catch (error) {
      complain(error.message);
    } finally {
      setBusy(false);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!form.classList.contains("busy")) run(pay);
  });
  form.elements.save_card?.addEventListener("change", (event) => {
    elements?.update({ setupFutureUsage: event.target.checked ? "off_session" : null });
  });
  at("live").addEventListener("click", (event) => {
    if (event.target.id === "go-on") run(() => follow({ mayAct: true }));
    if (event.target.id === "change-card") {
      showForm();
      form.scrollIntoView({ block: "nearest" });
    }
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // back from somewhere, and things have moved on
  });

  const mayAct = location.hash === "#now"; // they have just asked for it
  history.replaceState(null, "", location.pathname); // without what the bank's page added
  if (!window.Stripe) {
    complain(at("no-stripe").innerHTML);
    return;
  }
  stripe = window.Stripe(wanted.key, { locale: wanted.locale });
  if (where().state === "payable") showForm();
  else if (where().state === "waiting" || mayAct) run(() => follow({ mayAct }));
  if ("live" in where()) watch();
})();
