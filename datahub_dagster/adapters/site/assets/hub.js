/* The filter of the start page, and links to rejected deliveries that open what they lead to. Pages read well without it. */
"use strict";
(() => {
  const form = document.getElementById("filters");
  if (form) {
    const text = document.getElementById("filter-text");
    const team = document.getElementById("filter-team");
    const state = document.getElementById("filter-state");
    const total = document.getElementById("filter-count");
    const none = document.getElementById("filter-none");
    const plain = (value) => value.normalize("NFKC").toLowerCase();
    const rows = Array.from(document.querySelectorAll(".item"), (row) => ({
      row,
      text: plain(row.textContent + " " + row.dataset.search),
      team: row.dataset.team,
      states: row.dataset.states.split(" "),
    }));

    const apply = () => {
      const words = plain(text.value).split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const item of rows) {
        const fits =
          words.every((word) => item.text.includes(word)) &&
          (!team.value || item.team === team.value) &&
          (!state.value || item.states.includes(state.value));
        item.row.hidden = !fits;
        shown += fits;
      }
      total.textContent = shown + " of " + rows.length;
      none.hidden = shown > 0;
    };
    // The choice stands in the address, so that it can be sent to a colleague.
    const remember = () => {
      const chosen = new URLSearchParams();
      if (text.value) chosen.set("q", text.value);
      if (team.value) chosen.set("team", team.value);
      if (state.value) chosen.set("state", state.value);
      history.replaceState(null, "", "#" + chosen);
    };
    const recall = () => {
      const chosen = new URLSearchParams(location.hash.slice(1));
      text.value = chosen.get("q") ?? "";
      team.value = chosen.get("team") ?? "";
      state.value = chosen.get("state") ?? "";
      if (team.selectedIndex < 0) team.value = "";
      if (state.selectedIndex < 0) state.value = "";
      apply();
    };

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => { apply(); remember(); });
    addEventListener("hashchange", recall);
    addEventListener("keydown", (event) => {
      const typing = event.target instanceof HTMLElement && event.target.closest("input, select, textarea");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        text.focus();
      }
    });
    form.hidden = false;
    recall();
  }

  const open = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
