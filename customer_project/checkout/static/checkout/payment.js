"use strict";

// While a payment's page waits for news, it asks for itself again. What it then shows replaces what
// it showed; where it leads to the bank, that is followed.
const PAUSE = 1000; // milliseconds

function follow(live) {
  if ("leadsTo" in live.dataset) {
    location.assign(live.dataset.leadsTo);
  }
}

async function look() {
  const live = document.getElementById("live");
  if (!("waiting" in live.dataset)) {
    return;
  }
  try {
    const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") {
      location.reload(); // logged out
      return;
    }
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const news = page.getElementById("live");
      follow(news);
      if (news.innerHTML !== live.innerHTML) {
        live.replaceChildren(...news.childNodes);
      }
      if (!("waiting" in news.dataset)) {
        delete live.dataset.waiting;
      }
    }
  } catch {
    // No connection just now: the next look may have one.
  }
  setTimeout(look, PAUSE);
}

follow(document.getElementById("live"));
setTimeout(look, PAUSE);
