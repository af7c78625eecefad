// What pages do in the browser beyond plain links and forms: partial updates, charts, rows that are links.
import "htmx.org";
import { drawAll, redrawAll } from "./charts.js";
import { savePicture } from "./picture.js";

document.documentElement.classList.add("js");

// A form that says so is sent when one of its fields changes; without scripts it has a button.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

// A slider writes into the box beside it, which is what is sent.
document.addEventListener("input", (event) => {
  const box = event.target.dataset?.for && event.target.form?.elements[event.target.dataset.for];
  if (box) box.value = event.target.value;
});

// Fields that are left empty are not written into the address.
document.addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});

// The whole row is the link of its first cell.
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.target.closest("a, button, input, label, summary")) return;
  if (String(getSelection())) return;
  event.target.closest("tr[data-link]")?.querySelector("a[href]")?.click();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-picture]");
  if (button) savePicture(document.getElementById(button.dataset.picture));
});

// What is opened and closed by a button.
document.addEventListener("click", (event) => {
  const { opens, closes } = event.target.dataset ?? {};
  if (opens) document.getElementById(opens)?.showModal();
  if (closes) document.getElementById(closes)?.close();
});

// Keys: Escape closes what is open, "/" goes to the search box, "?" tells all of them, and [data-keys] says what one or two
// letters stand for. They can be switched off.
let begun = ""; // the first of two letters, for a second

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details[data-menu][open]")) open.open = false;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !("hasKeys" in document.documentElement.dataset)) return;
  if (event.target.matches?.("input, select, textarea") || document.querySelector("dialog[open]")) return;
  const search = document.querySelector("input[type=search]");
  const keys = begun ? `${begun} ${event.key}` : event.key;
  begun = "";
  if (keys === "/" && search) {
    event.preventDefault();
    search.focus();
  } else if (keys === "?") {
    document.getElementById("keys")?.showModal();
  } else if (keys === "g") {
    begun = keys;
    setTimeout(() => (begun = ""), 1000);
  } else {
    document.querySelector(`[data-keys="${CSS.escape(keys)}"]`)?.click();
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details[data-menu][open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// Header and footer stay when a filter changes; the addresses in them go with it.
function carryFilters() {
  const { filters = "" } = document.getElementById("main").dataset;
  for (const link of document.querySelectorAll(".top nav a")) link.search = filters;
  for (const link of document.querySelectorAll("a[data-own]")) {
    const own = new URLSearchParams(location.search);
    own.delete("view_as");
    link.search = own;
  }
  for (const address of document.querySelectorAll("footer .address")) address.textContent = location.href;
}

for (const event of ["htmx:after:swap", "htmx:after:history:push"]) {
  document.addEventListener(event, () => {
    drawAll();
    carryFilters();
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
drawAll();
