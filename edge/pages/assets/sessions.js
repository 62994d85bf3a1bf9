/** The list of the places where someone is signed in. */

import { describeDevice } from './device.js';
import { clearNotices, show, whileBusy } from './notices.js';
import { moment, text, timeAgo } from './texts.js';

/**
 * Brings the list to life and returns a function that loads it anew.
 *
 * @param {import('./limen.js').Limen} limen
 * @param {(alert: Element, error: Error) => void} fail shows an error
 */
export function bindSessions(limen, fail) {
  const part = document.querySelector('#sessions');
  const list = part.querySelector('#session-list');
  const others = part.querySelector('#revoke-others');
  const heading = document.querySelector('#sessions-heading');

  async function load() {
    const sessions = await limen.listSessions();
    list.replaceChildren(...sessions.map(draw));
    others.hidden = sessions.every(({ current }) => current);
  }

  function draw(session) {
    const item = document.querySelector('#session').content.cloneNode(true);
    const device = fillIn(item, session);
    const button = item.querySelector('[data-revoke]');
    button.ariaLabel = text('end-session', { device });
    const end = () => limen.revokeSession(session.sessionId);
    const success = text('session-ended', { device });
    button.addEventListener('click', () => perform(button, end, success));
    return item;
  }

  /** Does something to the sessions, shows the list as it then is, and says that it is done. */
  function perform(button, action, success) {
    clearNotices(part);
    return whileBusy(button, async () => {
      try {
        await action();
        await load();
        show(part.querySelector('[data-status]'), success);
        // The button that had the focus may be gone with its session.
        heading.focus();
      } catch (error) {
        fail(part.querySelector('[data-alert]'), error);
      }
    });
  }

  others.addEventListener('click', () =>
    perform(others, () => limen.revokeOtherSessions(), text('others-ended')),
  );
  return load;
}

/** Fills a copy of the template and returns the name of the device. */
function fillIn(item, { userAgent, network, lastUseTime, createTime, current }) {
  const { name, kind } = describeDevice(userAgent ?? '');
  const device = name || text('unknown-device');
  const lastUse = item.querySelector('[data-last-use]');
  item.querySelector(`svg:not([data-kind="${kind}"])`).remove();
  item.querySelector('[data-device]').textContent = device;
  item.querySelector('[data-network]').textContent = network ?? '';
  item.querySelector('[data-began]').textContent = text('began', {
    date: moment(new Date(createTime)),
  });
  item.querySelector('[data-current]').hidden = !current;
  item.querySelector('[data-revoke]').hidden = current;
  lastUse.dateTime = lastUseTime;
  lastUse.textContent = text('last-use', { time: timeAgo(new Date(lastUseTime)) });
  return device;
}
