// Every scenario by name.
import type { Scenario } from '../scenario.ts';
import {
  attributionScenarios,
  blipScenarios,
  capScenarios,
  cleanScenarios,
  rareCleanScenarios,
  stickyScenarios,
} from './clean-scenarios.ts';
import {
  foundScenarios,
  parkScenarios,
  rareFoundScenarios,
  routeScenarios,
  worseScenarios,
} from './failing-scenarios.ts';
import { incidentScenarios, retestedScenarios } from './retest-scenarios.ts';

export const allScenarios: readonly Scenario[] = [
  ...cleanScenarios,
  ...blipScenarios,
  ...rareCleanScenarios,
  ...stickyScenarios,
  ...capScenarios,
  ...attributionScenarios,
  ...parkScenarios,
  ...foundScenarios,
  ...rareFoundScenarios,
  ...routeScenarios,
  ...worseScenarios,
  ...incidentScenarios,
  ...retestedScenarios,
];

export const scenarioByName: ReadonlyMap<string, Scenario> = new Map(
  allScenarios.map((scenario) => [scenario.name, scenario]),
);
