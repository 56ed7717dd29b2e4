/* The inside of an element: it alone knows the card number. */
(() => {
  "use strict";

  const settings = new URLSearchParams(location.hash.slice(1));
  const field = (name) => document.getElementById(name);
  const said = window.said || ((text) => text);
  const tell = (message) => window.parent.postMessage(message, "*");

  function card() {
    const [month, year] = field("expiry").value.split("/").map((part) => part.trim());
    return {
      number: field("number").value.replace(/[ -]/g, ""),
      exp_month: month || "",
      exp_year: year || "",
      cvc: field("cvc").value.trim(),
    };
  }

  function problem() {
    const { number, exp_month, exp_year, cvc } = card();
    if (!/^\d{12,19}$/.test(number)) return ["incomplete_number", "Your card number is incomplete."];
    if (!exp_month || !exp_year) {
      return ["incomplete_expiry", "Your card's expiration date is incomplete."];
    }
    if (!/^\d{3,4}$/.test(cvc)) {
      return ["incomplete_cvc", "Your card's security code is incomplete."];
    }
    return null;
  }

  function validated() {
    const found = problem();
    if (!found) return {};
    const [code, message] = found;
    return { error: { type: "validation_error", code, message: said(message) } };
  }

  async function post(path, params) {
    const body = new URLSearchParams();
    flatten(params, "", body);
    const response = await fetch(`/v1/${path}`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${settings.get("key")}`,
        "Content-Type": "application/x-www-form-urlencoded",
      },
      body: body.toString(),
    });
    return response.json();
  }

  function flatten(params, prefix, into) {
    for (const [name, value] of Object.entries(params)) {
      const key = prefix ? `${prefix}[${name}]` : name;
      if (value === undefined || value === null || value === "") continue;
      if (typeof value === "object") flatten(value, key, into);
      else into.append(key, String(value));
    }
  }

  const commands = {
    validate: async () => validated(),

    clear: async () => {
      field("card").reset();
      return {};
    },

    createPaymentMethod: async ({ billing_details }) => {
      const invalid = validated();
      if (invalid.error) return invalid;
      const made = await post("payment_methods", { type: "card", card: card(), billing_details });
      return made.error ? { error: made.error } : { paymentMethod: made };
    },

    createConfirmationToken: async ({ payment_method_data = {}, ...rest }) => {
      const invalid = validated();
      if (invalid.error) return invalid;
      const data = { ...payment_method_data, type: "card", card: card() };
      const method = await post("payment_methods", data);
      if (method.error) return { error: method.error };
      const made = await post("confirmation_tokens", { ...rest, payment_method: method.id });
      return made.error ? { error: made.error } : { confirmationToken: made };
    },
  };

  window.addEventListener("message", async (message) => {
    if (message.source !== window.parent) return;
    const { id, command, params } = message.data;
    if (commands[command]) tell({ id, result: await commands[command](params) });
  });

  field("card").addEventListener("submit", (event) => event.preventDefault());
  field("card").addEventListener("input", () => {
    const found = problem();
    const empty = !field("number").value;
    tell({ event: "change", detail: { complete: !found, empty, brand: "unknown" } });
  });
  tell({ event: "ready", detail: {} });
})();
