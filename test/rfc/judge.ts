// Judges what a proxy made of a wire case. OK: as the RFC has it. LOOSE: safe, but looser than the RFC. FAIL:
// ambiguous bytes upstream, a request smuggled or delivered twice, somebody else's answer, a hang, a crash, a
// truncated answer shown as complete, or a valid message refused.
import { defaultAnswer, type ReceivedRequest } from '../support/scripted-upstream.ts';
import { bodyOf, fieldValues, type WireMessage } from '../support/strict-stream.ts';
import { showBytes } from '../support/wire-text.ts';
import type { FieldRule, Outcome, Served, WireCase } from './case-file.ts';
import type { Observation } from './play-case.ts';

export type Grade = 'OK' | 'LOOSE' | 'FAIL';

export interface Judgement {
  readonly grade: Grade;
  readonly reason: string;
}

const firstProblem = (...checks: (() => string | null)[]): string | null => {
  for (const check of checks) {
    const problem = check();
    if (problem !== null) return problem;
  }
  return null;
};

/** What is never right, whatever the case expects. */
function hazard(observation: Observation): string | null {
  const [upstreamProblem] = observation.upstreamProblems;
  if (upstreamProblem !== undefined) return `ambiguous upstream: ${upstreamProblem}`;
  if (observation.victimProblem !== null) return `another client got: ${observation.victimProblem}`;
  const broken = observation.clients.find(({ stream }) => stream.problem !== null);
  if (broken !== undefined) return `invalid bytes to the client: ${broken.stream.problem}`;
  return observation.hang === null ? null : `hang, waiting for ${observation.hang}`;
}

const allFinals = (observation: Observation): WireMessage[] =>
  observation.clients.flatMap((client) => client.finals());
const ownFinals = (observation: Observation): WireMessage[] =>
  allFinals(observation).filter((message) => bodyOf(message).toString('latin1') !== 'GET /-again');

const isWhole = ({ message }: ReceivedRequest): boolean => message.complete;

function describe(requests: readonly ReceivedRequest[]): string {
  return requests
    .map(({ upstream, message }) => `${upstream.name} ${message.method} ${message.target}`)
    .join(', ');
}

function matchesServed(request: ReceivedRequest, wanted: Served): boolean {
  const { message, upstream } = request;
  return (
    message.method === wanted.method &&
    message.target === wanted.target &&
    (wanted.cluster === null || wanted.cluster === upstream.name) &&
    (wanted.body === null || bodyOf(message).equals(wanted.body))
  );
}

function checkServed(outcome: Outcome, observation: Observation): string | null {
  const whole = observation.requests.filter(isWhole);
  if (outcome.refuse !== null || outcome.unserved)
    return whole.length === 0 ? null : `reached the upstream: ${describe(whole)}`;
  if (outcome.serve.length === 0) return null;
  const asWanted =
    whole.length === outcome.serve.length &&
    outcome.serve.every((wanted) => whole.some((request) => matchesServed(request, wanted)));
  return asWanted ? null : `the upstream got [${describe(whole)}]${bodyHint(outcome, whole)}`;
}

function bodyHint(outcome: Outcome, whole: readonly ReceivedRequest[]): string {
  const [wanted] = outcome.serve;
  const [got] = whole;
  if (wanted === undefined || wanted.body === null || got === undefined) return '';
  return ` with body ${showBytes(bodyOf(got.message), 80)}`;
}

function checkRefusal(outcome: Outcome, observation: Observation): string | null {
  if (outcome.refuse === null) return null;
  const finals = ownFinals(observation);
  const [answer] = finals;
  if (answer === undefined) return 'closed without an answer';
  if (finals.length > 1) return `${finals.length} answers`;
  if (!outcome.refuse.includes(answer.status)) return `status ${answer.status}`;
  return observation.clients.at(-1)?.ended ? null : 'the connection stayed open';
}

function checkResponses(outcome: Outcome, observation: Observation): string | null {
  const finals = ownFinals(observation);
  const statuses = finals.map(({ status }) => status).join(', ');
  if (outcome.responses.length > 0) {
    if (finals.length !== outcome.responses.length) return `answers [${statuses}]`;
    const bad = finals.find((answer, index) => {
      const wanted = outcome.responses[index];
      const bodyDiffers = wanted?.body != null && !wanted.body.equals(bodyOf(answer));
      return !wanted?.statuses.includes(answer.status) || bodyDiffers;
    });
    return bad === undefined ? null : `answer ${bad.status} ${showBytes(bodyOf(bad), 80)}`;
  }
  if (outcome.unanswered) return finals.length === 0 ? null : `answers [${statuses}]`;
  if (outcome.refuse !== null || outcome.serve.length === 0) return null;
  if (outcome.connection === 'truncated' || outcome.connection === 'tunnel') return null;
  if (finals.length !== outcome.serve.length) return `answers [${statuses}]`;
  return checkAutomaticAnswers(finals, observation);
}

/** Where the upstream answered by itself, each answer names the request it is for. */
function checkAutomaticAnswers(finals: readonly WireMessage[], observation: Observation): string | null {
  if (finals.some(({ status }) => status !== 200)) return `answers [${finals.map(({ status }) => status)}]`;
  const own = new Set(observation.requests.map(({ message }) => defaultAnswer(message).split('\r\n\r\n')[1]));
  const order = observation.requests.map(({ message }) => `${message.method} ${message.target}`);
  const isAutomatic = finals.every((answer) => own.has(bodyOf(answer).toString('latin1')));
  if (!isAutomatic) return null;
  const swapped = finals.findIndex((answer, index) => {
    const body = bodyOf(answer).toString('latin1');
    return body !== '' && body !== order[index];
  });
  return swapped < 0 ? null : `answer ${swapped + 1} belongs to another request`;
}

function checkConnection(outcome: Outcome, observation: Observation): string | null {
  const client = observation.clients.at(-1);
  if (client === undefined || outcome.connection === null) return null;
  switch (outcome.connection) {
    case 'closed':
      return client.ended ? null : 'the connection stayed open';
    case 'open':
      return observation.servedAgain === true ? null : 'the connection served no further request';
    case 'tunnel':
      return client.stream.phase === 'tunnel' ? null : 'no tunnel';
    case 'truncated':
      if (client.ended && !client.endedClean && client.stream.current !== null) return null;
      return client.ended ? 'a truncated answer looked complete' : 'the connection stayed open';
  }
}

const hasField = (message: WireMessage, { name, value }: FieldRule): boolean => {
  const values = fieldValues(message, name);
  return value === null ? values.length > 0 : values.includes(value);
};

function checkUpstreamFields(outcome: Outcome, observation: Observation): string | null {
  const request = observation.requests.at(-1);
  if (request === undefined) return outcome.upstreamHas.length > 0 ? 'nothing reached the upstream' : null;
  const missing = outcome.upstreamHas.find((rule) => !hasField(request.message, rule));
  if (missing !== undefined)
    return `upstream ${missing.name}: [${fieldValues(request.message, missing.name)}], not ${missing.value ?? 'there'}`;
  const kept = outcome.upstreamLacks.find((name) => hasField(request.message, { name, value: null }));
  if (kept !== undefined) return `${kept} reached the upstream`;
  const received = Buffer.concat(request.connection.received);
  const absent = outcome.upstreamBytes.find((bytes) => !received.includes(bytes));
  return absent === undefined ? null : `upstream bytes lack ${showBytes(absent, 80)}`;
}

function checkClientFields(outcome: Outcome, observation: Observation): string | null {
  const client = observation.clients.at(-1);
  const answer = client?.stream.messages.findLast(
    (message) => message.status >= 101 && bodyOf(message).toString('latin1') !== 'GET /-again',
  );
  const rules = outcome.clientHas.length + outcome.clientLacks.length + outcome.clientBytes.length;
  if (rules === 0) return null;
  if (client === undefined || answer === undefined) return 'no answer';
  const missing = outcome.clientHas.find((rule) => !hasField(answer, rule));
  if (missing !== undefined)
    return `client ${missing.name}: [${fieldValues(answer, missing.name)}], not ${missing.value ?? 'there'}`;
  const kept = outcome.clientLacks.find((name) => hasField(answer, { name, value: null }));
  if (kept !== undefined) return `${kept} reached the client`;
  const absent = outcome.clientBytes.find((bytes) => !client.bytes().includes(bytes));
  return absent === undefined ? null : `client bytes lack ${showBytes(absent, 80)}`;
}

function checkInterim(outcome: Outcome, observation: Observation): string | null {
  const seen = observation.clients.flatMap(({ stream }) => stream.messages.map(({ status }) => status));
  const missing = outcome.interim.find((status) => !seen.includes(status));
  return missing === undefined ? null : `no interim ${missing}`;
}

/** Null when everything the outcome asks for holds, else the first thing that does not. */
function mismatch(outcome: Outcome, observation: Observation): string | null {
  return firstProblem(
    () => checkServed(outcome, observation),
    () => checkRefusal(outcome, observation),
    () => checkResponses(outcome, observation),
    () => checkConnection(outcome, observation),
    () => checkInterim(outcome, observation),
    () => checkUpstreamFields(outcome, observation),
    () => checkClientFields(outcome, observation),
  );
}

/**
 * A refusal that kept everything from the upstream is safe whatever its status, and so is a close without
 * one.
 */
function isSafeRefusal(wireCase: WireCase, observation: Observation): boolean {
  if (!wireCase.ok.some(({ refuse }) => refuse !== null)) return false;
  if (observation.requests.some(isWhole)) return false;
  const finals = ownFinals(observation);
  return finals.length <= 1 && finals.every(({ status }) => status >= 400);
}

export function judgeCase(wireCase: WireCase, observation: Observation): Judgement {
  const danger = hazard(observation);
  if (danger !== null) return { grade: 'FAIL', reason: danger };
  const problems = wireCase.ok.map((outcome) => mismatch(outcome, observation));
  if (problems.includes(null)) return { grade: 'OK', reason: '' };
  const reason = problems[0] ?? '';
  const isLoose = wireCase.loose.some((outcome) => mismatch(outcome, observation) === null);
  if (isLoose || isSafeRefusal(wireCase, observation)) return { grade: 'LOOSE', reason };
  return { grade: 'FAIL', reason };
}
