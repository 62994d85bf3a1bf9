/** Asking for a second factor: a passkey, a code of an authenticator app, or a recovery code. */

import { bindForm } from './form.js';
import { passkeysWork } from './limen.js';
import { clearNotices, showProblem, whileBusy } from './notices.js';

/**
 * Brings the form of a second factor to life and returns a function that asks for one.
 *
 * @param {import('./limen.js').Limen} limen
 * @param {() => Promise<void>} done goes on once the challenge is answered
 * @param {() => void} startAgain is called when only a new challenge helps
 */
export function bindSecondFactor(limen, done, startAgain) {
  const part = document.querySelector('#second-factor');
  const passkey = document.querySelector('#use-passkey');
  const code = document.querySelector('#totp');
  const recovery = document.querySelector('#recovery');
  let challengeToken;

  function handle(error) {
    const over = error.reason === 'CHALLENGE_INVALID';
    if (over) {
      startAgain();
    }
    return over;
  }

  async function answer(proof) {
    await limen.verifySignIn({ challengeToken, ...proof });
    await done();
  }

  bindForm(code, ({ totpCode }) => answer({ totpCode: totpCode.replaceAll(' ', '') }), {
    handle,
    blame: { FACTOR_REJECTED: 'totpCode' },
  });
  bindForm(recovery, ({ recoveryCode }) => answer({ recoveryCode: recoveryCode.trim() }), {
    handle,
    blame: { FACTOR_REJECTED: 'recoveryCode' },
  });
  passkey.addEventListener('click', () => {
    clearNotices(part);
    return whileBusy(passkey, async () => {
      try {
        await limen.signInWithPasskey({ challengeToken });
        await done();
      } catch (error) {
        if (!handle(error)) {
          showProblem(part.querySelector('[data-alert]'), error);
        }
      }
    });
  });

  return (challenge) => {
    const offered = new Set(challenge.factors);
    challengeToken = challenge.challengeToken;
    clearNotices(part);
    part.querySelectorAll('form').forEach((form) => form.reset());
    passkey.hidden = !offered.has('SECOND_FACTOR_PASSKEY') || !passkeysWork();
    code.hidden = !offered.has('SECOND_FACTOR_TOTP');
    part.querySelector('details').hidden = !offered.has('SECOND_FACTOR_RECOVERY_CODE');
  };
}
