import { Limen } from './limen.js';

const signedIn = new Limen().hasSession;

document.querySelector('[data-signed-in]').hidden = !signedIn;
document.querySelector('[data-signed-out]').hidden = signedIn;
