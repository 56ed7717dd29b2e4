// Shows what happens without a reload: asks for a number that changes with every event, and for the
// figures only when it has changed, or some time has passed: what stands still sends no event.
"use strict";

const EVERY = 700; // milliseconds; a new payment must show within two seconds
const FIGURES_EVERY = 30000;
const BOOKS_EVERY = 60000;

const figures = document.getElementById("figures");
const state = document.getElementById("state");
const choice = document.getElementById("choice");
let figuresAt = Date.now();
let books = "";
let booksAt = 0;

async function get(url) {
  const response = await fetch(url, { credentials: "same-origin" });
  if (response.redirected || !response.ok) throw new Error(response.status);
  return response;
}

function shown() {
  return Number(figures.firstElementChild.dataset.number);
}

async function look() {
  const { pulse } = await (await get(figures.dataset.pulse)).json();
  if (pulse !== shown() || Date.now() > figuresAt + FIGURES_EVERY) {
    figuresAt = Date.now();
    figures.innerHTML = await (await get(figures.dataset.part)).text();
    document.getElementById("books").innerHTML = books;
  }
  if (Date.now() > booksAt + BOOKS_EVERY) {
    booksAt = Date.now();
    books = await (await get(figures.dataset.books)).text();
    document.getElementById("books").innerHTML = books;
  }
}

async function watch() {
  try {
    if (!document.hidden) await look();
    state.textContent = "live";
    state.className = "state";
  } catch {
    state.textContent = "not live: asking again";
    state.className = "state lost";
  }
  setTimeout(watch, EVERY);
}

choice.addEventListener("change", () => choice.requestSubmit());
watch();
