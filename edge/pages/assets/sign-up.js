import { bindForm } from './form.js';
import { Limen } from './limen.js';
import { show } from './notices.js';
import { showPanel } from './panels.js';
import { language, write } from './texts.js';

const limen = new Limen();
const signUp = document.querySelector('#sign-up');
const resend = document.querySelector('#resend');

bindForm(
  signUp,
  async ({ email, password, displayName }) => {
    await limen.signUp({ email, password, displayName, locale: language() });
    write(document.querySelector('#sent-text'), { email });
    showPanel('sent');
  },
  { blame: { PASSWORD_TOO_WEAK: 'password' } },
);

bindForm(resend, async () => {
  await limen.resendVerification(signUp.elements.email.value);
  show(resend.querySelector('[data-status]'));
});
