/** Pages that have several steps: one panel is shown at a time. */

/** Shows the panel of that name and tells people who listen to the page what it is. */
export function showPanel(name) {
  for (const panel of document.querySelectorAll('[data-panel]')) {
    panel.hidden = panel.dataset.panel !== name;
  }
  document.querySelector(`[data-panel="${name}"] h1`).focus();
}
