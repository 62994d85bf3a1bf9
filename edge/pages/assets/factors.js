/** What someone can show besides the password: the list of it, adding to it, taking from it. */

import { bindForm } from './form.js';
import { hasName, passkeysWork } from './limen.js';
import { clearNotices, show, whileBusy } from './notices.js';
import { bindSecondFactor } from './second-factor.js';
import { day, text, timeAgo, write } from './texts.js';

const PROOFS = ['PROOF_TOO_OLD', 'ASSURANCE_TOO_LOW'];

/**
 * Brings the list to life and returns a function that loads it anew.
 *
 * @param {import('./limen.js').Limen} limen
 * @param {(alert: Element, error: Error) => void} fail shows an error
 * @param {(error: Error) => boolean} leaveIfSignedOut deals with a lost session
 * @param {() => Promise<void>} proved is called when the session has been replaced
 */
export function bindFactors(limen, { fail, leaveIfSignedOut, proved }) {
  const part = document.querySelector('#factors');
  const heading = document.querySelector('#factors-heading');
  const list = part.querySelector('#factor-list');
  const renew = part.querySelector('#renew-codes');
  const left = document.querySelector('#codes-left');
  const stepUp = part.querySelector('#step-up');
  const app = part.querySelector('#confirm-app');
  const ask = bindSecondFactor(limen, goOn, () => showStage('step-up'));
  let interrupted;
  let factorId;

  async function load() {
    const { factors, recoveryCodesLeft } = await limen.listFactors();
    list.replaceChildren(...factors.map(draw));
    renew.hidden = factors.length === 0;
    left.hidden = factors.length === 0;
    write(left, { count: recoveryCodesLeft });
  }

  function draw(factor) {
    const item = document.querySelector('#factor').content.cloneNode(true);
    const name = fillIn(item, factor);
    const button = item.querySelector('[data-remove]');
    button.ariaLabel = text('remove-factor', { name });
    button.addEventListener('click', () =>
      perform(button, async () => {
        await limen.deleteFactor(factor.factorId);
        await finish(text('factor-removed', { name }));
      }),
    );
    return item;
  }

  /** Shows one step of what is going on; the others are hidden. */
  function showStage(name) {
    for (const stage of part.querySelectorAll('[data-stage]')) {
      stage.hidden = stage.dataset.stage !== name;
    }
    part.querySelector(`[data-stage="${name}"] :is(input, button):not([hidden])`)?.focus();
  }

  /** Does something; whoever has to prove who they are first can do so and then goes on. */
  function perform(button, action) {
    clearNotices(part);
    return whileBusy(button, async () => {
      try {
        await action();
      } catch (error) {
        if (PROOFS.includes(error.reason)) {
          interrupted = action;
          stepUp.reset();
          showStage('step-up');
        } else {
          fail(part.querySelector('[data-alert]'), error);
        }
      }
    });
  }

  /** Goes on with what a missing proof had interrupted. */
  async function goOn() {
    showStage('choices');
    await proved();
    await perform(part, interrupted);
  }

  /** Shows the list as it now is, with recovery codes if there are new ones. */
  async function finish(success, codes = []) {
    await load();
    show(part.querySelector('[data-status]'), success);
    if (codes.length > 0) {
      part.querySelector('#code-list').replaceChildren(...codes.map(codeItem));
      showStage('codes');
    } else {
      showStage('choices');
      heading.focus();
    }
  }

  async function addPasskey() {
    const { recoveryCodes } = await limen.addPasskey();
    await finish(text('passkey-added'), recoveryCodes);
  }

  async function addApp() {
    const { factorId: id, otpauthUri, secret } = await limen.enrollTotp();
    factorId = id;
    app.reset();
    app.querySelector('#app-secret').textContent = secret.match(/.{1,4}/g).join(' ');
    app.querySelector('#app-link').href = otpauthUri;
    showStage('app');
  }

  async function renewCodes() {
    const { recoveryCodes } = await limen.regenerateRecoveryCodes();
    await finish(text('codes-renewed'), recoveryCodes);
  }

  const actions = { 'add-passkey': addPasskey, 'add-app': addApp, 'renew-codes': renewCodes };
  for (const [id, action] of Object.entries(actions)) {
    const button = document.getElementById(id);
    button.addEventListener('click', () => perform(button, action));
  }
  for (const button of part.querySelectorAll('[data-back]')) {
    button.addEventListener('click', () => {
      clearNotices(part);
      showStage('choices');
    });
  }

  bindForm(
    stepUp,
    async ({ password }) => {
      const { challenge } = await limen.reauthenticate({ password });
      if (challenge) {
        ask(challenge);
        showStage('second-factor');
      } else {
        await goOn();
      }
    },
    { handle: leaveIfSignedOut, blame: { SIGN_IN_FAILED: 'password' } },
  );
  bindForm(
    app,
    async ({ code }) => {
      const { recoveryCodes } = await limen.confirmTotp({
        factorId,
        code: code.replaceAll(' ', ''),
      });
      await finish(text('app-added'), recoveryCodes);
    },
    { handle: leaveIfSignedOut, blame: { CODE_INVALID: 'code' } },
  );

  part.querySelector('#add-passkey').hidden = !passkeysWork();
  part.querySelector('#name-needed').hidden = hasName();
  return load;
}

/** Fills a copy of the template and returns the name of the factor. */
function fillIn(item, { kind, displayName, createTime, lastUseTime, backedUp }) {
  const isPasskey = kind === 'FACTOR_KIND_PASSKEY';
  const sort = text(isPasskey ? 'passkey' : 'app');
  const name = displayName || sort;
  const used = lastUseTime ? text('last-use', { time: timeAgo(new Date(lastUseTime)) }) : '';
  item.querySelector(`svg:not([data-kind="${isPasskey ? 'passkey' : 'app'}"])`).remove();
  item.querySelector('[data-name]').textContent = name;
  item.querySelector('[data-sort]').textContent = displayName ? sort : '';
  item.querySelector('[data-synced]').hidden = !backedUp;
  item.querySelector('[data-added]').textContent = text('added', { date: day(new Date(createTime)) });
  item.querySelector('[data-used]').textContent = used;
  return name;
}

function codeItem(code) {
  const item = document.createElement('li');
  item.textContent = code;
  return item;
}
