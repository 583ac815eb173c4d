/* The search of the start page: MiniSearch over the index of all datasets (`search.py`). Both are loaded when a reader turns to the
   search, and not before. The choice stands in the address, so that it can be sent to a colleague. */
"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const at = (id) => document.getElementById(id);
  const text = at("filter-text");
  const choices = ["team", "lifecycle", "classification", "slo", "state"].map((name) => [name, at("filter-" + name)]);
  const [count, clear, found, list, none, more, listed] =
    ["filter-count", "filter-clear", "found", "results", "filter-none", "filter-more", "listed"].map(at);
  const SLICE = 12; // milliseconds of indexing at a time, so that typing never waits
  const PAGE = 30; // results at a time
  const MOST_COLUMNS = 6;
  const MISSPELT = 0.4; // share of a word that may be wrong, where nothing is found as it is written
  const LONG = 6; // characters; a shorter word is near too many others

  // ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  // Names fall apart at "_", "." and capitals; Japanese, which has no blanks, into pairs of characters.
  const CJK = "[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}ー々]";
  const WORD = new RegExp(`${CJK}+|[[\\p{L}\\p{M}\\p{N}]--${CJK}]+`, "gv");
  const PART = /\p{Lu}+(?!\p{Ll})\p{N}*|\p{Lu}?[[\p{L}\p{M}\p{N}]--\p{Lu}]+/gv;
  const IS_CJK = new RegExp(`^${CJK}`, "v");
  const plain = (word) => word.normalize("NFKC").toLowerCase();

  /** The words of a text as [place, as written]; some overlap. */
  const words = (value, isQuery) => {
    const all = [];
    for (const { 0: word, index } of value.matchAll(WORD)) {
      if (IS_CJK.test(word)) {
        const signs = Array.from(word);
        let place = index;
        signs.forEach((sign, i) => {
          // The last sign alone is found by who types it alone.
          if (i + 1 < signs.length) all.push([place, sign + signs[i + 1]]);
          else if (!isQuery || signs.length === 1) all.push([place, sign]);
          place += sign.length;
        });
        continue;
      }
      const parts = Array.from(word.matchAll(PART));
      if (!isQuery && parts.length > 1) all.push([index, word]);
      for (const part of parts) all.push([index + part.index, part[0]]);
    }
    return all;
  };

  const known = new Map(); // the same columns come again and again
  const wordsOf = (value) => {
    if (!known.has(value)) known.set(value, words(value, false).map(([, word]) => plain(word)));
    return known.get(value);
  };

  // ── The index ──────────────────────────────────────────────────────────────────────────────────────────────────────
  let rows = [];
  let engine = null; // answers once everything is in it
  let loading = null;

  const load = (source) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  const pause = () => new Promise((resolve) => setTimeout(resolve));

  const misspelt = (term) => (term.length >= LONG && !IS_CJK.test(term) ? MISSPELT : false);
  const prepare = () => (loading ??= Promise.all([load(form.dataset.engine), load(form.dataset.index)]).then(build));
  const build = async () => {
    const { fields, words: shared, rows: values } = self.HUB_SEARCH;
    rows = values.map((row, id) => {
      const named = Object.fromEntries(fields.map((field, i) => [field, row[i]]));
      for (const field of ["owners", "tags", "columns", "consumers"]) named[field] = named[field].map((place) => shared[place]);
      return { id, ...named };
    });
    update();
    const started = new self.MiniSearch({
      fields: ["name", "columns", "labels", "description"],
      extractField: (row, field) => (field === "labels" ? [row.team, ...row.owners, ...row.tags, ...row.consumers] : row[field]),
      stringifyField: (value) => value,
      tokenize: (value) => (Array.isArray(value) ? value.flatMap(wordsOf) : words(value, false).map(([, word]) => plain(word))),
      processTerm: (term) => term,
      searchOptions: {
        tokenize: (value) => words(value, true).map(([, word]) => plain(word)),
        boost: { name: 8, columns: 4, labels: 2 },
        weights: { prefix: 0.6, fuzzy: 0.25 },
        combineWith: "AND",
        prefix: true,
      },
    });
    for (let next = 0; next < rows.length; await pause()) {
      for (const end = performance.now() + SLICE; next < rows.length && performance.now() < end; next++) started.add(rows[next]);
    }
    engine = started;
    update();
  };

  // ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  const chosen = () => choices.filter(([, choice]) => choice.value);
  const fits = (row) =>
    chosen().every(([name, { value }]) => (name === "state" ? row.states.includes(value) : row[name] === value));

  /** The rows that fit, the best first, each with the terms that it was found by; null = not known yet. */
  const answers = () => {
    if (!text.value.trim()) return rows.filter(fits).map((row) => ({ row, terms: [], asked: [] }));
    if (!engine) return null;
    const hits = engine.search(text.value);
    return (hits.length ? hits : engine.search(text.value, { fuzzy: misspelt }))
      .filter(({ id }) => fits(rows[id]))
      .map(({ id, terms, queryTerms }) => ({ row: rows[id], terms, asked: queryTerms }));
  };

  const counted = (n) =>
    n === 1 ? form.dataset.one : form.dataset.many.replace("{n}", n.toLocaleString(document.documentElement.lang));
  let shown = [];
  const update = () => {
    const isAsked = Boolean(text.value.trim() || chosen().length);
    clear.hidden = !isAsked;
    if (!isAsked) {
      listed.hidden = false;
      found.hidden = true;
      count.textContent = counted(Number(form.dataset.total));
      return;
    }
    const answer = rows.length ? answers() : null;
    if (!answer) {
      count.textContent = form.dataset.loading;
      prepare().catch(() => {
        count.textContent = form.dataset.failed;
      });
      return;
    }
    listed.hidden = true;
    found.hidden = false;
    shown = answer;
    count.textContent = counted(answer.length);
    none.hidden = answer.length > 0;
    list.replaceChildren();
    extend();
  };
  const extend = () => {
    const begin = list.children.length;
    list.append(...shown.slice(begin, begin + PAGE).map(result));
    const left = shown.length - list.children.length;
    more.hidden = !left;
    more.textContent = form.dataset.more.replace("{n}", Math.min(left, PAGE));
  };

  // ── Showing: everything that a team wrote becomes a text node, never markup ────────────────────────────────────────────
  const element = (tag, className, ...content) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...content);
    return made;
  };
  /** The text, with what was looked for marked in it; null if there is nothing of it. */
  const marked = (value, { terms, asked }) => {
    const places = [];
    for (const [place, word] of words(value, false)) {
      const term = plain(word);
      if (!terms.includes(term)) continue;
      const begin = term.length === word.length && asked.filter((each) => term.startsWith(each)).sort((a, b) => b.length - a.length)[0];
      places.push([place, place + (begin || word).length]);
    }
    if (!places.length) return null;
    const whole = document.createDocumentFragment();
    let end = 0;
    for (const [from, to] of places.sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
      if (to <= end) continue;
      const start = Math.max(from, end);
      if (start > end || !whole.lastChild) whole.append(value.slice(end, start), element("mark", ""));
      whole.lastChild.append(value.slice(start, to)); // marks that touch are one
      end = to;
    }
    whole.append(value.slice(end));
    return whole;
  };
  /** The part of a long text where the first mark is. */
  const excerpt = (value, answer) => {
    const first = words(value, false).find(([, word]) => answer.terms.includes(plain(word)));
    const from = first && first[0] > 160 ? value.lastIndexOf(" ", first[0] - 60) + 1 || first[0] - 60 : 0;
    const cut = (from ? "… " : "") + value.slice(from, from + 240) + (value.length > from + 240 ? " …" : "");
    return marked(cut, answer) ?? cut;
  };
  const chip = (name, value) => {
    const option = Array.from(at("filter-" + name).options).find((each) => each.value === value);
    return element("span", "chip " + option.dataset.tone, option.textContent);
  };
  const isPlain = /^[A-Za-z0-9_.\-]+$/;

  const result = (answer) => {
    const { row } = answer;
    const page = form.dataset.root + (row.page || `datasets/${row.name}.html`);
    const name = element("a", "mono name", marked(row.name, answer) ?? row.name);
    name.href = page;
    const chips = [chip("slo", row.slo), chip("lifecycle", row.lifecycle), chip("classification", row.classification)];
    if (row.states.includes("rejected")) chips.push(element("span", "chip bad", form.dataset.rejected));
    const head = element("p", "result-head", name, element("span", "chips", ...chips));

    const labels = [element("span", "team", marked(row.team, answer) ?? row.team)];
    for (const tag of row.tags) labels.push(element("span", "tag", marked(tag, answer) ?? tag));
    for (const person of [...row.owners, ...row.consumers]) {
      const mark = marked(person, answer);
      if (mark) labels.push(element("span", "", mark));
    }
    labels.push(row.release ? element("span", "mono small", row.release) : element("span", "", form.dataset.unpublished));

    const item = element("li", "result", head);
    item.dataset.dataset = row.name;
    if (row.description) item.append(element("p", "about", excerpt(row.description, answer)));
    item.append(element("p", "meta labels", ...labels));
    const columns = row.columns
      .map((column) => ({ column, mark: marked(column, answer) }))
      .filter(({ mark }) => mark)
      .sort((a, b) => b.mark.querySelectorAll("mark").length - a.mark.querySelectorAll("mark").length);
    if (columns.length) {
      const links = columns.slice(0, MOST_COLUMNS).map(({ column, mark }) => {
        const link = element("a", "mono", mark);
        link.href = page + (isPlain.test(column) ? "#column-" + column : "#columns");
        return link;
      });
      if (columns.length > MOST_COLUMNS) {
        links.push(element("span", "muted", form.dataset.others.replace("{n}", columns.length - MOST_COLUMNS)));
      }
      item.append(element("p", "found-columns", element("span", "muted", form.dataset.columns), ...links));
    }
    for (const part of item.querySelectorAll(".about, .tag, .team")) part.dir = "auto";
    return item;
  };

  // ── The address ────────────────────────────────────────────────────────────────────────────────────────────────────
  const remember = () => {
    const hash = new URLSearchParams();
    if (text.value) hash.set("q", text.value);
    for (const [name, choice] of chosen()) hash.set(name, choice.value);
    const address = location.href.split("#")[0];
    history.replaceState(null, "", hash.size ? `${address}#${hash}` : address);
  };
  const recall = () => {
    if (location.hash.length > 1 && !location.hash.includes("=")) return; // leads to a place on the page
    const hash = new URLSearchParams(location.hash.slice(1));
    text.value = (hash.get("q") ?? "").slice(0, text.maxLength);
    for (const [name, choice] of choices) {
      choice.value = hash.get(name) ?? "";
      if (choice.selectedIndex < 0) choice.value = "";
    }
    update();
  };

  // ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────
  const changed = () => { update(); remember(); };
  const emptied = () => {
    if (text.value) text.value = "";
    else for (const [, choice] of choices) choice.value = "";
    changed();
  };
  const step = (from, by) => {
    const names = Array.from(list.querySelectorAll(".name"));
    const next = names.indexOf(from) + by;
    if (next < 0) text.focus();
    else (names[next] ?? (more.hidden ? names.at(-1) : more)).focus();
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", changed);
  for (const event of ["focusin", "pointerover"]) {
    form.addEventListener(event, () => prepare().catch(() => {}), { once: true });
  }
  clear.addEventListener("click", () => {
    text.value = "";
    for (const [, choice] of choices) choice.value = "";
    changed();
    text.focus();
  });
  more.addEventListener("click", () => {
    const before = list.children.length;
    extend();
    list.children[before].querySelector(".name").focus();
  });
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // these keys belong to the input method
    if (event.key === "Escape") emptied();
    else if (event.key === "ArrowDown" && !found.hidden) step(null, 1);
    else if (event.key === "Enter" && !found.hidden) list.querySelector(".name")?.click();
    else return;
    event.preventDefault();
  });
  found.addEventListener("keydown", (event) => {
    const name = event.target.closest(".result")?.querySelector(".name");
    if (event.key === "Escape") { text.focus(); text.select(); }
    else if (event.key === "ArrowDown" && name) step(name, 1);
    else if (event.key === "ArrowUp") name ? step(name, -1) : Array.from(list.querySelectorAll(".name")).at(-1)?.focus();
    else return;
    event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.closest("input, select, textarea");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    text.focus();
  });
  addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
})();
