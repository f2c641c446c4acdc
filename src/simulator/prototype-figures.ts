// What a prototype of the same formulas reached before there was a product, on a simulator of its own: requests on Y until a
// regression was found (median / p95), or seconds and extra failures of a whole rollout (medians). For comparison only; its
// steps, its latency tail and its grace differed.

const figures: Readonly<Record<string, string>> = {
  'found/0.6': '2225 / 4647',
  'found/0.2': '36000 in 57 %',
  'found/1-to-2': '3579 / 6911',
  'found/5': '298 / 366',
  'found/100': '296 / 324',
  'found/late-5': '486 / 629',
  'found/after-outage': '3168 / 5919',
  'found/slow-all': '2479 / 4243',
  'found/slow-all-strict': '1026 / 1747',
  'found/slow-p99': '20600 / 40000',
  'found/slow-p99-strict': '8500 / 16500',
  'found/slow-mode': '1110 / 2020',
  'found/404': '4369 / 8048',
  'found/1rps-100': '4 / 5',
  'found/1rps-20': '21 / 46',
  'found/half-0.6': '4967 / 9924',
  'found/half-5': '1498 / 1566',
  'routes/failing-1': '1219 / 2370',
  'routes/failing-0.1': '13200 / 22200',
  'worse/0.6': '70 s, 11',
  'worse/5': '9 s, 4',
  'worse/100': '3 s, 30',
  'worse/slow-all': '69 s',
  'worse/slow-p99': '272 s',
  'worse/slow-mode': '92 s',
  'worse/404': '92 s',
};

/** The prototype's figure for a scenario; empty where it had none. */
export const prototypeFigure = (scenario: string): string => figures[scenario] ?? '';
