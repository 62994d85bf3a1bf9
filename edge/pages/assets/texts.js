/**
 * The words of a page. They stand in the HTML, in the language of the reader; scripts only fill
 * in values.
 */

/** Returns the text of that name from the page, with values in place of `{name}`. */
export function text(name, values = {}) {
  const source = document.querySelector('#texts').content.querySelector(`[data-text="${name}"]`);
  return fill(source.textContent, values);
}

/** Writes the element's own `data-text` into it, with values in place of `{name}`. */
export function write(element, values) {
  element.textContent = fill(element.dataset.text, values);
}

/** Returns a number of seconds as people say it: "40 seconds", "3 minutes", "2 hours". */
export function duration(seconds) {
  const [size, unit] = [[3600, 'hour'], [60, 'minute'], [1, 'second']].find(
    ([each]) => seconds >= 1.5 * each,
  ) ?? [1, 'second'];
  const style = { style: 'unit', unit, unitDisplay: 'long' };
  return new Intl.NumberFormat(language(), style).format(Math.ceil(seconds / size));
}

/** Returns how long ago a moment was: "now", "5 minutes ago", "yesterday". */
export function timeAgo(date, now = new Date()) {
  const seconds = Math.max(0, (now - date) / 1000);
  const [size, unit] = [[86400, 'day'], [3600, 'hour'], [60, 'minute']].find(
    ([each]) => seconds >= each,
  ) ?? [Infinity, 'second'];
  const format = new Intl.RelativeTimeFormat(language(), { numeric: 'auto' });
  return format.format(-Math.floor(seconds / size), unit);
}

/** Returns a day as people write it. */
export function day(date) {
  return new Intl.DateTimeFormat(language(), { dateStyle: 'long' }).format(date);
}

/** Returns a moment as people write it. */
export function moment(date) {
  const style = { dateStyle: 'medium', timeStyle: 'short' };
  return new Intl.DateTimeFormat(language(), style).format(date);
}

/** Returns the language of the page, a BCP 47 tag. */
export function language() {
  return document.documentElement.lang;
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
