// All scenarios, and where they are found by their names.
import type { Scenario } from '../scenario.ts';
import {
  attributionScenarios,
  blipScenarios,
  capScenarios,
  cleanScenarios,
  disturbedScenarios,
  stickyScenarios,
} from './clean-scenarios.ts';
import {
  foundScenarios,
  moreFoundScenarios,
  parkScenarios,
  routeScenarios,
  worseScenarios,
} from './failing-scenarios.ts';
import { incidentScenarios, retestedScenarios } from './retest-scenarios.ts';

export const allScenarios: readonly Scenario[] = [
  ...cleanScenarios,
  ...blipScenarios,
  ...disturbedScenarios,
  ...stickyScenarios,
  ...capScenarios,
  ...attributionScenarios,
  ...parkScenarios,
  ...foundScenarios,
  ...moreFoundScenarios,
  ...routeScenarios,
  ...worseScenarios,
  ...incidentScenarios,
  ...retestedScenarios,
];

export const scenarioByName: ReadonlyMap<string, Scenario> = new Map(
  allScenarios.map((scenario) => [scenario.name, scenario]),
);
