/* What makes a dataset's page handier: examples as tabs, with a button to copy them, and a filter of its columns. It reads well without. */
"use strict";
(() => {
  const made = (tag, attributes, text = "") => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };

  // What a page from a disk may do differs from browser to browser: where the clipboard is closed, the text is selected instead.
  const copied = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  };
  const addCopy = (snippet, words) => {
    const pre = snippet.querySelector("pre");
    const button = made("button", { type: "button", class: "copy" }, words.copy);
    const told = made("span", { class: "visually-hidden", role: "status" });
    button.addEventListener("click", async () => {
      if (!(await copied(pre.firstElementChild))) return;
      button.textContent = told.textContent = words.copied;
      setTimeout(() => { button.textContent = words.copy; told.textContent = ""; }, 2000);
    });
    (snippet.querySelector("p") ?? pre).before(button, told); // beside the note
  };

  const KEPT = "datahub-language";
  const remembered = () => { try { return localStorage.getItem(KEPT); } catch { return null; } };
  const remember = (id) => { try { localStorage.setItem(KEPT, id); } catch { /* not everywhere is there a store */ } };

  const addTabs = (box) => {
    const snippets = Array.from(box.querySelectorAll(".snippet"));
    for (const snippet of snippets) addCopy(snippet, box.dataset);
    if (snippets.length < 2) return;
    const list = made("div", { class: "tabs", role: "tablist", "aria-label": box.dataset.label });
    const tabs = snippets.map((snippet) => {
      const tab = made(
        "button",
        { type: "button", role: "tab", id: snippet.id + "-tab", "aria-controls": snippet.id },
        snippet.querySelector("h3").textContent,
      );
      snippet.setAttribute("role", "tabpanel");
      snippet.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
      return tab;
    });
    const show = (chosen) => {
      tabs.forEach((tab, index) => {
        tab.setAttribute("aria-selected", String(index === chosen));
        tab.tabIndex = index === chosen ? 0 : -1;
        snippets[index].hidden = index !== chosen;
      });
    };
    const choose = (chosen) => {
      show(chosen);
      remember(snippets[chosen].id);
      tabs[chosen].focus();
    };
    list.addEventListener("click", (event) => {
      const chosen = tabs.indexOf(event.target);
      if (chosen >= 0) choose(chosen);
    });
    list.addEventListener("keydown", (event) => {
      const now = tabs.indexOf(event.target);
      const ahead = getComputedStyle(list).direction === "rtl" ? -1 : 1;
      const next = { ArrowRight: now + ahead, ArrowLeft: now - ahead, Home: 0, End: tabs.length - 1 }[event.key];
      if (now < 0 || next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      choose((next + tabs.length) % tabs.length);
    });
    const targeted = () => snippets.findIndex((snippet) => "#" + snippet.id === location.hash);
    addEventListener("hashchange", () => { if (targeted() >= 0) show(targeted()); });
    const first = targeted() >= 0 ? targeted() : snippets.findIndex((snippet) => snippet.id === remembered());
    box.prepend(list);
    box.classList.add("tabbed");
    show(Math.max(first, 0));
  };
  for (const box of document.querySelectorAll("[data-tabs]")) addTabs(box);

  const form = document.getElementById("column-filter");
  if (form) {
    const text = document.getElementById("column-filter-text");
    const count = document.getElementById("column-filter-count");
    const plain = (value) => value.normalize("NFKC").toLowerCase();
    const rows = Array.from(document.querySelectorAll("#column-table tbody tr"), (row) => [row, plain(row.textContent)]);
    const apply = () => {
      const words = plain(text.value).split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [row, of] of rows) {
        row.hidden = !words.every((word) => of.includes(word));
        shown += !row.hidden;
      }
      count.textContent = count.dataset.text.replace("{shown}", shown).replace("{all}", rows.length);
    };
    // A link to a column leads there, whatever the filter hides.
    const reveal = () => {
      if (text.value && rows.some(([row]) => row.hidden && "#" + encodeURIComponent(row.id) === location.hash)) {
        text.value = "";
        apply();
        document.getElementById(decodeURIComponent(location.hash.slice(1))).scrollIntoView();
      }
    };
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", apply);
    addEventListener("hashchange", reveal);
    form.hidden = false;
    apply();
  }
})();
