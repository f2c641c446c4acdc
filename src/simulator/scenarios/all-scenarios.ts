// Every scenario by name.
import type { Scenario } from '../scenario.ts';
import {
  attributionScenarios,
  blipScenarios,
  capScenarios,
  cleanBeyondScenarios,
  cleanScenarios,
  stickyScenarios,
} from './clean-scenarios.ts';
import {
  foundBeyondScenarios,
  foundScenarios,
  parkScenarios,
  routeScenarios,
  worseScenarios,
} from './failing-scenarios.ts';
import { incidentScenarios, retestedScenarios } from './retest-scenarios.ts';

export const allScenarios: readonly Scenario[] = [
  ...cleanScenarios,
  ...blipScenarios,
  ...cleanBeyondScenarios,
  ...stickyScenarios,
  ...capScenarios,
  ...attributionScenarios,
  ...parkScenarios,
  ...foundScenarios,
  ...foundBeyondScenarios,
  ...routeScenarios,
  ...worseScenarios,
  ...incidentScenarios,
  ...retestedScenarios,
];

export const scenarioByName: ReadonlyMap<string, Scenario> = new Map(
  allScenarios.map((scenario) => [scenario.name, scenario]),
);
