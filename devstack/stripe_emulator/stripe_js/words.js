/* What an element says, in the languages it has. The page's `locale` chooses. */
(() => {
  "use strict";

  const FRENCH = {
    "Card number": "Numéro de carte",
    "Expiration date": "Date d’expiration",
    "Security code": "Code de sécurité",
    "MM / YY": "MM / AA",
    "Your card number is incomplete.": "Le numéro de votre carte est incomplet.",
    "Your card's expiration date is incomplete.": "La date d’expiration est incomplète.",
    "Your card's security code is incomplete.": "Le code de sécurité est incomplet.",
  };

  const settings = new URLSearchParams(location.hash.slice(1));
  const asked = settings.get("locale");
  const french = (asked === "auto" ? navigator.language : asked).startsWith("fr");
  const said = (text) => (french && FRENCH[text]) || text;

  window.said = said;
  document.documentElement.lang = french ? "fr" : "en";
  document.body.className = `${settings.get("theme")} ${settings.get("kind")}`;
  for (const label of document.querySelectorAll("label span")) label.textContent = said(label.textContent);
  for (const input of document.querySelectorAll("input")) input.placeholder = said(input.placeholder);
})();
