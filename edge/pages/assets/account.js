import { bindFactors } from './factors.js';
import { bindForm } from './form.js';
import { Limen } from './limen.js';
import { show, showProblem, whileBusy } from './notices.js';
import { bindSessions } from './sessions.js';
import { day, language, write } from './texts.js';

const limen = new Limen();
const alert = document.querySelector('#account-alert');
const profile = document.querySelector('#profile');
const password = document.querySelector('#password');
const signOut = document.querySelector('#sign-out');
const sections = document.querySelector('#sections');
const loadSessions = bindSessions(limen, fail);
const loadFactors = bindFactors(limen, { fail, leaveIfSignedOut, proved: loadSessions });

let user;

bindForm(
  profile,
  async ({ displayName }) => {
    showUser(await limen.updateMe({ displayName, etag: user.etag }));
    show(profile.querySelector('[data-status]'));
  },
  { handle: handleProfileError },
);

bindForm(
  password,
  async ({ currentPassword, newPassword }) => {
    await limen.changePassword({ currentPassword, newPassword });
    password.reset();
    show(password.querySelector('[data-status]'));
    await loadSessions();
  },
  {
    handle: leaveIfSignedOut,
    blame: { SIGN_IN_FAILED: 'currentPassword', PASSWORD_TOO_WEAK: 'newPassword' },
  },
);

signOut.addEventListener('click', () => whileBusy(signOut, leave));
signOut.disabled = false;

// A page that the browser kept shows an account that may have been left since.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

await load();

async function load() {
  try {
    showUser(await limen.getMe());
    sections.ariaBusy = 'false';
    await Promise.all([loadSessions(), loadFactors()]);
  } catch (error) {
    fail(alert, error);
  }
}

function showUser(account) {
  user = account;
  const { email, emailVerified, displayName, createTime } = account;
  document.querySelector('#address').textContent = email;
  document.querySelector('#monogram').textContent = initial(displayName || email);
  document.querySelector('#verified').hidden = !emailVerified;
  document.querySelector('#username').value = email;
  profile.elements.displayName.value = displayName ?? '';
  write(document.querySelector('#member-since'), { date: day(new Date(createTime)) });
}

function initial(name) {
  const [first = ''] = name.trim();
  return first.toLocaleUpperCase(language());
}

/** After a change from elsewhere, shows the account as it now is; the alert says why. */
function handleProfileError(error) {
  if (error.reason === 'ETAG_MISMATCH') {
    limen.getMe().then(showUser, (next) => fail(alert, next));
  }
  return leaveIfSignedOut(error);
}

async function leave() {
  try {
    await limen.signOut();
    location.replace('/sign-in');
  } catch (error) {
    fail(alert, error);
  }
}

function fail(place, error) {
  if (!leaveIfSignedOut(error)) {
    showProblem(place, error);
  }
}

function leaveIfSignedOut(error) {
  if (error.signedOut) {
    location.replace('/sign-in');
  }
  return error.signedOut === true;
}
