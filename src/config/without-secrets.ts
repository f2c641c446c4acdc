// The configuration without its secrets, to be shown and to be kept in the record.
import type { Config } from './config.ts';
import type { Gate, Notification } from './signals-config.ts';

/** A copy in which secrets are replaced by `hidden`; whether each was set stays visible. */
export function withoutSecrets(config: Config, hidden: string): Config {
  const hide = (secret: string | null): string | null => (secret === null ? null : hidden);
  const { override } = config.routing;
  const { x, y } = config.clusters;
  return {
    ...config,
    clusters: {
      x: { ...x, adminToken: hide(x.adminToken) },
      y: { ...y, adminToken: hide(y.adminToken) },
    },
    routing: { ...config.routing, override: override === null ? null : { ...override, secret: hidden } },
    metrics: config.metrics.map((metric) =>
      metric.kind === 'value' ? { ...metric, source: hideSource(metric.source, hide) } : metric,
    ),
    gates: config.gates.map((gate) => ({ ...gate, question: hideQuestion(gate.question, hide) })),
    notifications: config.notifications.map((one) => ({
      ...one,
      receiver: hideReceiver(one.receiver, hidden, hide),
    })),
    control: { ...config.control, token: hide(config.control.token) },
  };
}

type Hide = (secret: string | null) => string | null;
type ValueSource = Extract<Config['metrics'][number], { kind: 'value' }>['source'];

/** The URL without its query, which often contains a token. */
function hideQuery(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? url : `${url.slice(0, at)}?…`;
}

function hideSource(source: ValueSource, hide: Hide): ValueSource {
  if (source.kind === 'pushed') return source;
  const token = hide(source.token);
  return source.kind === 'promql' ? { ...source, token } : { ...source, url: hideQuery(source.url), token };
}

function hideQuestion(question: Gate['question'], hide: Hide): Gate['question'] {
  switch (question.kind) {
    case 'webhook':
      return { ...question, url: hideQuery(question.url), secret: hide(question.secret) };
    case 'promql':
      return { ...question, source: { ...question.source, token: hide(question.source.token) } };
    case 'approval':
      return question;
  }
}

/** The receiver without its secrets. All of a Slack URL is hidden, because its path is the secret. */
function hideReceiver(
  receiver: Notification['receiver'],
  hidden: string,
  hide: Hide,
): Notification['receiver'] {
  switch (receiver.kind) {
    case 'webhook':
      return { ...receiver, url: hideQuery(receiver.url), secret: hide(receiver.secret) };
    case 'slack':
      return { ...receiver, url: hidden };
    case 'pagerduty':
      return { ...receiver, routingKey: hidden };
  }
}
