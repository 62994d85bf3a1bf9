import { bindForm } from './form.js';
import { Limen } from './limen.js';
import { takeMailedToken } from './mailed-token.js';
import { show } from './notices.js';
import { showPanel } from './panels.js';

const limen = new Limen();
const token = takeMailedToken();
const renew = document.querySelector('#renew');

// Confirming waits for a press of the button: mail scanners open every link.
bindForm(
  document.querySelector('#confirm'),
  async () => {
    await limen.verifyEmail(token);
    showPanel('done');
  },
  { handle: offerRenewal },
);

bindForm(renew, async ({ email }) => {
  await limen.resendVerification(email);
  show(renew.querySelector('[data-status]'));
});

if (!token) {
  showPanel('renew');
}

function offerRenewal({ reason }) {
  const useless = reason === 'TOKEN_INVALID' || reason === 'INVALID_REQUEST';
  if (useless) {
    showPanel('renew');
  }
  return useless;
}
