// Makes the reference quicker to use: a filter, buttons that copy, and a mark at the current place.
// The page is complete without it.

const nav = document.querySelector(".side");
const search = document.querySelector(".search");
const input = document.querySelector("#search");
const nothing = document.querySelector(".search-empty");
const findable = [...document.querySelectorAll("[data-find]")].map((element) => ({
  element,
  text: fold(element.dataset.find),
}));

function fold(text) {
  return text.toLowerCase().normalize("NFKD").replace(/[\s_-]+/gu, " ");
}

// Shows what holds every word that was typed, and the groups that something is left in.
function filter() {
  const words = fold(input.value).split(" ").filter(Boolean);
  let shown = 0;
  for (const { element, text } of findable) {
    const matches = words.every((word) => text.includes(word));
    element.hidden = !matches;
    shown += matches ? 1 : 0;
  }
  for (const group of document.querySelectorAll(".toc-group, .chapter")) {
    const members = [...group.querySelectorAll("[data-find]")];
    group.hidden = words.length > 0 && members.every((member) => member.hidden);
    if (group.localName === "details") {
      group.open = words.length > 0 && !group.hidden;
    }
  }
  document.querySelector("#overview").hidden = words.length > 0;
  nothing.hidden = shown > 0;
}

function openFirst(event) {
  event.preventDefault();
  const first = [...nav.querySelectorAll("[data-find]")].find((item) => !item.hidden);
  if (first) {
    location.hash = first.querySelector("a").hash;
  }
}

// A link to something that the filter hides would lead nowhere.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.closest("[hidden]")) {
    input.value = "";
    filter();
    target.scrollIntoView();
  }
}

function shortcuts(event) {
  const typing = /^(?:INPUT|TEXTAREA|SELECT)$/u.test(event.target.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    input.focus();
    input.select();
  } else if (event.key === "Escape" && input.value) {
    input.value = "";
    filter();
  }
}

function addCopyButtons() {
  for (const figure of document.querySelectorAll(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(figure.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1500);
    });
    figure.append(button);
  }
}

// Marks the entry of the contents whose section is at the top of the window.
function followReading() {
  const entries = new Map();
  for (const link of nav.querySelectorAll(".toc a")) {
    entries.set(decodeURIComponent(link.hash.slice(1)), link);
  }
  let current;
  const observer = new IntersectionObserver(
    (changes) => {
      const entered = changes.find((change) => change.isIntersecting);
      const link = entered && entries.get(entered.target.id);
      if (link && link !== current) {
        current?.removeAttribute("aria-current");
        current = link;
        current.setAttribute("aria-current", "true");
        keepInSight(link);
      }
    },
    { rootMargin: "-10% 0px -80% 0px" },
  );
  for (const id of entries.keys()) {
    const section = document.getElementById(id);
    if (section) {
      observer.observe(section);
    }
  }
}

// Scrolls the contents alone: scrollIntoView would also move the page.
function keepInSight(link) {
  const box = link.getBoundingClientRect();
  if (box.height > 0 && (box.top < 80 || box.bottom > nav.clientHeight - 40)) {
    nav.scrollTop += box.top - nav.clientHeight / 2;
  }
}

search.hidden = false;
search.addEventListener("submit", openFirst);
input.addEventListener("input", filter);
document.addEventListener("keydown", shortcuts);
window.addEventListener("hashchange", reveal);
if (navigator.clipboard) {
  addCopyButtons();
}
followReading();
