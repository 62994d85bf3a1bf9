import { bindForm } from './form.js';
import { Limen, passkeysWork } from './limen.js';
import { clearNotices, show, showProblem, whileBusy } from './notices.js';
import { showPanel } from './panels.js';
import { bindSecondFactor } from './second-factor.js';

const limen = new Limen();
const signIn = document.querySelector('#sign-in');
const passkey = document.querySelector('#passkey');
const resend = document.querySelector('#resend');
const alert = document.querySelector('#sign-in-alert');
const ask = bindSecondFactor(limen, enter, startAgain);

bindForm(
  signIn,
  async ({ email, password }) => {
    resend.hidden = true;
    const { challenge } = await limen.signIn({ email, password });
    if (challenge) {
      ask(challenge);
      showPanel('second-factor');
    } else {
      enter();
    }
  },
  { handle: offerResend, blame: { SIGN_IN_FAILED: 'password' } },
);

bindForm(resend, async () => {
  await limen.resendVerification(signIn.elements.email.value);
  show(resend.querySelector('[data-status]'));
});

passkey.hidden = !passkeysWork();
passkey.addEventListener('click', () => {
  clearNotices(signIn);
  return whileBusy(passkey, async () => {
    try {
      await limen.signInWithPasskey();
      enter();
    } catch (error) {
      showProblem(alert, error);
    }
  });
});

function enter() {
  location.assign('/account');
}

/** The challenge is over: back to the first step, which says why. */
function startAgain() {
  signIn.elements.password.value = '';
  showPanel('sign-in');
  show(alert, alert.dataset.text);
}

/** Whoever has not confirmed their address can have the mail sent again. */
function offerResend({ reason }) {
  // Whether the address waits for its confirmation is not told, so the way out is always offered.
  resend.hidden = !['SIGN_IN_FAILED', 'EMAIL_NOT_VERIFIED'].includes(reason);
  return false;
}
