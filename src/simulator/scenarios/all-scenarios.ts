// Every scenario by name.
import type { Scenario } from '../scenario.ts';
import {
  blipScenarios,
  capScenarios,
  cleanBeyondScenarios,
  cleanScenarios,
  stickyScenarios,
} from './clean-scenarios.ts';
import { foundBeyondScenarios, foundScenarios, routeScenarios, worseScenarios } from './failing-scenarios.ts';

export const allScenarios: readonly Scenario[] = [
  ...cleanScenarios,
  ...blipScenarios,
  ...cleanBeyondScenarios,
  ...stickyScenarios,
  ...capScenarios,
  ...foundScenarios,
  ...foundBeyondScenarios,
  ...routeScenarios,
  ...worseScenarios,
];

export const scenarioByName: ReadonlyMap<string, Scenario> = new Map(
  allScenarios.map((scenario) => [scenario.name, scenario]),
);
