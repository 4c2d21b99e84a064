// Prints what a test run came to as one plain line, `N passed, N failed`, from vitest's JSON report.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/run.mjs';

const report = JSON.parse(readFileSync(join(root, '.setup/test-report.json'), 'utf8'));
// A file that could not even be loaded has no tests to count, yet it failed.
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
);
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + brokenFiles.length} failed`);
