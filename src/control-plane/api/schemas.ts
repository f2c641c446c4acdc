// What the control API takes and gives, as schema-definitions.ts had it when schemas.json was last written.
// To make it takes TypeBox: 373 modules, 3 MiB of the control thread's heap.
import { readFileSync } from 'node:fs';
import type * as definitions from './schema-definitions.ts';

const file = new URL('./schemas.json', import.meta.url);

export const {
  SplitChange,
  Split,
  ChangedSplit,
  RolloutStart,
  Command,
  Unpark,
  FreezeChange,
  Approval,
  MetricParams,
  MetricSample,
  ClusterParams,
  NodeParams,
  NodesChange,
  EventsQuery,
  HistoryQuery,
  RecordId,
  VerifyQuery,
  NoBody,
} = JSON.parse(readFileSync(file, 'utf8')) as typeof definitions;

export type SplitChange = definitions.SplitChange;
export type RolloutStart = definitions.RolloutStart;
export type Command = definitions.Command;
export type Unpark = definitions.Unpark;
export type FreezeChange = definitions.FreezeChange;
export type Approval = definitions.Approval;
export type MetricParams = definitions.MetricParams;
export type MetricSample = definitions.MetricSample;
export type ClusterParams = definitions.ClusterParams;
export type NodeParams = definitions.NodeParams;
export type NodesChange = definitions.NodesChange;
export type EventsQuery = definitions.EventsQuery;
export type HistoryQuery = definitions.HistoryQuery;
export type RecordId = definitions.RecordId;
export type VerifyQuery = definitions.VerifyQuery;
