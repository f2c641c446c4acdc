// How the length of a message body is known (RFC 9112 6), and the small vocabularies the codec's files share.

/** RFC 9112 6.3: what ends the body. `close` happens only in responses. */
export const Framing = { none: 0, length: 1, chunked: 2, close: 3 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/** The Connection line that an encoded response head gets. */
export const ConnectionHeader = { none: 0, close: 1, keepAlive: 2, upgrade: 3 } as const;
export type ConnectionHeader = (typeof ConnectionHeader)[keyof typeof ConnectionHeader];

/** Numbers per field in `fields`: nameStart, nameEnd, valueStart, valueEnd, kind. */
export const FIELD_STRIDE = 5;
