// The classes of status codes from 3xx to 4xx, by which samples of answers are kept.
// core/analysis/streams/status-streams.ts compares these and 2xx, under the same names.

export const statusClasses = ['3xx', '401', '403', '404', '429', '4xx'] as const;
type StatusClass = (typeof statusClasses)[number];

/** Index in {@link statusClasses} of a status from 300 to 499. */
export function statusClassIndex(status: number): number {
  if (status < 400) return 0;
  switch (status) {
    case 401:
      return 1;
    case 403:
      return 2;
    case 404:
      return 3;
    case 429:
      return 4;
    default:
      return 5;
  }
}

/** Class of a status; null for 2xx and 5xx. */
export const statusClassOf = (status: number): StatusClass | null =>
  status < 300 || status >= 500 ? null : (statusClasses[statusClassIndex(status)] ?? null);
