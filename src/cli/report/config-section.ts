// The part of a report about a rollout's settings: its plan, the thresholds, and the whole configuration as
// it was recorded.
import type { RolloutRecord } from '#src/record/rollout-record.ts';
import { count, duration, latency, weight } from '#src/terminal/figures.ts';
import { type Html, html, type Piece } from './html.ts';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function configSection({ plan, config }: RolloutRecord): Html {
  const thresholds = isObject(config) && isObject(config.thresholds) ? settingRows(config.thresholds) : [];
  const planRows: readonly (readonly [string, string])[] = [
    ['steps', plan.stepsPpm.map((ppm) => weight(ppm / 10_000)).join(', ')],
    ['bake', duration(plan.bakeMs / 1000)],
    ['stepTimeout', duration(plan.stepTimeoutMs / 1000)],
    ['onInconclusive', plan.onInconclusive],
    ['soak', duration(plan.soakMs / 1000)],
    ['holdback', weight(plan.holdbackPpm / 10_000)],
  ];
  return html`<section id="config"><h2>Plan, thresholds and configuration</h2>
<div class="columns">${settingsTable('Plan', planRows)}${settingsTable('Thresholds', thresholds)}</div>
${config === null ? html`<p class="note">The configuration of that time is not on record.</p>` : configText(config)}
</section>`;
}

const configText = (config: unknown): Html =>
  html`<details><summary>The whole configuration, without secrets</summary><pre>${JSON.stringify(config, null, 2)}</pre></details>`;

function settingsTable(title: string, rows: readonly (readonly [string, string])[]): Piece {
  if (rows.length === 0) return null;
  return html`<table class="settings"><caption>${title}</caption><tbody>${rows.map(([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
}

/** Every setting by its path, with the unit in which its name ends. */
function settingRows(settings: Readonly<Record<string, unknown>>, path = ''): [string, string][] {
  return Object.entries(settings).flatMap(([name, value]): [string, string][] => {
    if (isObject(value)) return settingRows(value, `${path}${name}.`);
    return [
      [`${path}${name.replace(/(Ms|Ppm)$/, '')}`.replace(/Ms\./, '.'), settingText(`${path}${name}`, value)],
    ];
  });
}

function settingText(name: string, value: unknown): string {
  if (typeof value !== 'number') return value === null ? 'none' : String(value);
  if (/Ms(\.|$)/.test(name)) return value < 1000 ? latency(value) : duration(value / 1000);
  if (/(^|\.)(overX|max|falseReverts|harm)$/.test(name)) return weight(value * 100);
  return count(value);
}
