// Reads docker-compose.yml, the workflows and deploy/ as YAML and checks what `docker compose config` checks, and
// what it does not: health checks everywhere, no password written down.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { root } from '../setup/run.mjs';

const faults = [];

function readYaml(path) {
  const document = parseDocument(readFileSync(join(root, path), 'utf8'));
  for (const error of document.errors) faults.push(`${path}: ${error.message}`);
  return document.errors.length === 0 ? document.toJS() : {};
}

function checkCompose(path) {
  const { services = {}, volumes = {} } = readYaml(path);
  const known = [
    'build',
    'command',
    'depends_on',
    'entrypoint',
    'environment',
    'healthcheck',
    'image',
    'init',
    'ports',
    'profiles',
    'restart',
    'stop_grace_period',
    'ulimits',
    'volumes',
  ];
  for (const [name, service] of Object.entries(services)) {
    const fault = (text) => faults.push(`${path}: service ${name} ${text}`);
    for (const key of Object.keys(service)) if (!known.includes(key)) fault(`has an unknown member ${key}`);
    if (service.image === undefined && service.build === undefined) fault('has neither image nor build');
    if (/:latest$|^[^:]+$/.test(service.image ?? 'x:1') && service.build === undefined)
      fault('does not pin the version of its image');
    if (service.healthcheck?.test === undefined) fault('has no health check');
    for (const [other, { condition } = {}] of Object.entries(service.depends_on ?? {})) {
      if (services[other] === undefined) fault(`depends on ${other}, which is not there`);
      if (condition !== 'service_healthy') fault(`does not wait until ${other} is healthy`);
    }
    for (const mount of service.volumes ?? []) {
      const [source] = mount.split(':');
      if (!/^[./]/.test(source) && !(source in volumes)) fault(`mounts ${source}, which is not declared`);
    }
    for (const [variable, value] of Object.entries(service.environment ?? {})) {
      if (/PASSWORD|KEY|AUTH|URL/.test(variable) && !/\$\{\w+:\?[^}]+\}/.test(String(value))) {
        fault(
          `has ${variable} written down or with a default; take it from the environment with \${NAME:?message}`,
        );
      }
    }
  }
  const example = readFileSync(join(root, '.env.example'), 'utf8');
  for (const [, variable] of readFileSync(join(root, path), 'utf8').matchAll(/\$\{(\w+):\?/g)) {
    if (!new RegExp(`^${variable}=`, 'm').test(example))
      faults.push(`.env.example does not name ${variable}`);
  }
}

function checkWorkflow(path) {
  const workflow = readYaml(path);
  if (workflow.on === undefined || workflow.permissions === undefined)
    faults.push(`${path}: needs \`on\` and \`permissions\``);
  const scripts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts;
  for (const [name, job] of Object.entries(workflow.jobs ?? {})) {
    if (job['timeout-minutes'] === undefined) faults.push(`${path}: job ${name} has no timeout`);
    for (const step of job.steps ?? []) {
      for (const [, script] of (step.run ?? '').matchAll(/npm run ([\w:]+)/g)) {
        if (scripts[script] === undefined)
          faults.push(`${path}: job ${name} runs \`npm run ${script}\`, which package.json does not have`);
      }
      for (const [, file] of (step.run ?? '').matchAll(/bash (\S+)/g)) {
        if (!existsSync(join(root, file)))
          faults.push(`${path}: job ${name} runs ${file}, which is not there`);
      }
    }
  }
}

checkCompose('docker-compose.yml');
for (const name of readdirSync(join(root, '.github/workflows'))) checkWorkflow(`.github/workflows/${name}`);
for (const name of readdirSync(join(root, 'deploy'), { recursive: true }))
  if (/\.ya?ml$/.test(name)) readYaml(`deploy/${name}`);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
