import { bindForm } from './form.js';
import { Limen } from './limen.js';
import { showPanel } from './panels.js';
import { write } from './texts.js';

const limen = new Limen();

bindForm(document.querySelector('#ask'), async ({ email }) => {
  await limen.requestPasswordReset(email);
  write(document.querySelector('#sent-text'), { email });
  showPanel('sent');
});
