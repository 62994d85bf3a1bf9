import { bindForm } from './form.js';
import { Limen } from './limen.js';
import { show } from './notices.js';

const limen = new Limen();
const signIn = document.querySelector('#sign-in');
const resend = document.querySelector('#resend');

bindForm(
  signIn,
  async ({ email, password }) => {
    resend.hidden = true;
    await limen.signIn({ email, password });
    location.assign('/account');
  },
  { handle: offerResend, blame: { SIGN_IN_FAILED: 'password' } },
);

bindForm(resend, async () => {
  await limen.resendVerification(signIn.elements.email.value);
  show(resend.querySelector('[data-status]'));
});

/** Whoever has not confirmed their address can have the mail sent again. */
function offerResend({ reason }) {
  // Whether the address waits for its confirmation is not told, so the way out is always offered.
  resend.hidden = !['SIGN_IN_FAILED', 'EMAIL_NOT_VERIFIED'].includes(reason);
  return false;
}
