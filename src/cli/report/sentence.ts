// Makes sentences of the record's texts, most of which were written to follow a colon.

/** The text with a capital letter and a full stop. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole === '' || /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
