import { bindForm } from './form.js';
import { Limen } from './limen.js';
import { takeMailedToken } from './mailed-token.js';
import { showPanel } from './panels.js';

const limen = new Limen();
const token = takeMailedToken();

bindForm(
  document.querySelector('#choose'),
  async ({ newPassword }) => {
    await limen.resetPassword({ token, newPassword });
    showPanel('done');
  },
  { handle: offerRenewal, blame: { PASSWORD_TOO_WEAK: 'newPassword' } },
);

if (!token) {
  showPanel('renew');
}

function offerRenewal({ reason, errors }) {
  const useless = reason === 'TOKEN_INVALID' || errors?.some(({ field }) => field === 'token');
  if (useless) {
    showPanel('renew');
  }
  return useless;
}
