/** Forms: checking them, sending them, and showing each fault beside its field. */

import { LimenError } from './limen.js';
import { clearNotices, showProblem, whileBusy } from './notices.js';

/**
 * Brings a form to life.
 *
 * @param {HTMLFormElement} form
 * @param {(values: Object<string, string>) => Promise<void>} send makes the call and shows success
 * @param {(error: LimenError) => boolean} handle deals with an error itself if it returns true
 * @param {Object<string, string>} blame which field to point at, by the reason of an error
 */
export function bindForm(form, send, { handle = () => false, blame = {} } = {}) {
  const button = form.querySelector('[type="submit"]');
  form.noValidate = true;
  bindReveals(form);
  form.addEventListener('input', ({ target }) => clearFault(target));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    whileBusy(button, () => submit(form, send, { handle, blame }));
  });
  button.disabled = false;
}

async function submit(form, send, { handle, blame }) {
  clearNotices(form);
  fields(form).forEach(clearFault);
  if (!check(form)) {
    return;
  }
  concealPasswords(form);
  try {
    await send(Object.fromEntries(new FormData(form)));
  } catch (error) {
    if (!handle(error)) {
      showProblem(form.querySelector('[data-alert]'), error);
      pointAt(form, error, blame);
    }
    if (!(error instanceof LimenError)) {
      throw error;
    }
  }
}

/** Shows what can be seen to be wrong without asking the server, and returns whether nothing is. */
function check(form) {
  const faulty = fields(form).filter((field) => !field.validity.valid);
  for (const field of faulty) {
    const { valueMissing, tooShort } = field.validity;
    const { missing, short, invalid } = field.dataset;
    showFault(field, valueMissing ? missing : tooShort ? short : invalid);
  }
  faulty[0]?.focus();
  return faulty.length === 0;
}

/** Marks the fields that the server complained of, and moves to the first. */
function pointAt(form, error, blame) {
  for (const { field: path, message } of error.errors ?? []) {
    const field = form.elements[path.split('.').at(-1)];
    if (field) {
      showFault(field, message);
    }
  }
  form.elements[blame[error.reason]]?.setAttribute('aria-invalid', 'true');
  form.querySelector('[aria-invalid="true"]')?.focus();
}

function showFault(field, message) {
  const place = faultPlace(field);
  field.setAttribute('aria-invalid', 'true');
  place.textContent = message;
  place.hidden = false;
}

function clearFault(field) {
  field.removeAttribute('aria-invalid');
  faultPlace(field).hidden = true;
}

function faultPlace(field) {
  return document.getElementById(`${field.id}-error`);
}

function fields(form) {
  return [...form.elements].filter((element) => element.name);
}

function bindReveals(form) {
  for (const toggle of form.querySelectorAll('[data-reveal]')) {
    toggle.addEventListener('click', () => reveal(toggle, toggle.ariaPressed !== 'true'));
  }
}

/** Hides passwords again, so that browsers keep them as passwords and not as plain text. */
function concealPasswords(form) {
  form.querySelectorAll('[data-reveal]').forEach((toggle) => reveal(toggle, false));
}

function reveal(toggle, shown) {
  toggle.ariaPressed = String(shown);
  document.getElementById(toggle.getAttribute('aria-controls')).type = shown ? 'text' : 'password';
}
