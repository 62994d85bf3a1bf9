/** Telling people what went wrong and what went well. */

import { duration, text } from './texts.js';

/** Shows a LimenError in an alert; any other error is a defect, told in general words. */
export function showProblem(alert, error) {
  show(alert, describe(error));
}

/** Shows a notice, with other words than it has already if some are given. */
export function show(notice, words = notice.textContent) {
  notice.hidden = false;
  notice.textContent = words;
}

/** Takes away every notice in a part of the page. */
export function clearNotices(part) {
  for (const notice of part.querySelectorAll('[data-alert], [data-status]')) {
    notice.hidden = true;
  }
}

/** Runs an action while a button shows that it is at work; pressed again, it does nothing. */
export async function whileBusy(button, action) {
  if (button.ariaBusy === 'true') {
    return;
  }
  button.ariaBusy = 'true';
  try {
    await action();
  } finally {
    button.ariaBusy = 'false';
  }
}

function describe({ status, reason, detail, retryAfter }) {
  if (reason === 'UNREACHABLE') {
    return text('unreachable');
  }
  if (reason === 'PASSKEY_REFUSED') {
    return text('passkey-refused');
  }
  if (reason === 'PASSKEY_KNOWN') {
    return text('passkey-known');
  }
  const sentences = [detail || text('unexpected')];
  if (retryAfter && (status === 429 || status === 503)) {
    sentences.push(text('retry', { time: duration(retryAfter) }));
  }
  return sentences.join(' ');
}
