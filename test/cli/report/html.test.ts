import assert from 'node:assert/strict';
import { test } from 'node:test';
import { html } from '#src/cli/report/html.ts';

test('html shows characters that reorder, hide or act when text has them, and its signs stay text', () => {
  const { html: text } = html`<p title="${'a"\u202e'}">${['<b>\u001b\u200b', 7]}</p>`;
  assert.equal(text, '<p title="a&quot;\\u202e">&lt;b&gt;\\u001b\\u200b7</p>');
});
