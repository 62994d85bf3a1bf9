/** What a `User-Agent` header says about a device, as far as people care. */

// Order matters: most browsers also claim to be the ones further down.
const BROWSERS = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];

const SYSTEMS = [
  [/\biPad\b/, 'iPadOS'],
  [/\biPhone\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

const HANDHELD = /\b(iPhone|iPad|Android|Mobile)\b/;
const LONGEST_NAME = 40;

/** Returns the name of the device, such as "Firefox · Linux", or empty, and its kind. */
export function describeDevice(userAgent) {
  const names = [BROWSERS, SYSTEMS].map((list) => match(list, userAgent)).filter(Boolean);
  return {
    name: names.join(' · ') || userAgent.split(/[/\s]/, 1)[0].slice(0, LONGEST_NAME),
    kind: HANDHELD.test(userAgent) ? 'phone' : 'computer',
  };
}

function match(list, userAgent) {
  return list.find(([pattern]) => pattern.test(userAgent))?.[1];
}
