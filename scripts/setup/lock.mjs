// One set-up at a time: a second one waits for the first and then finds the work done.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './run.mjs';

const POLL_MS = 100;

export async function withLock(path, work) {
  let told = false;
  while (!tryTake(path)) {
    if (!told) say('another set-up is running, waiting for it');
    told = true;
    await sleep(POLL_MS);
  }
  const release = () => rmSync(path, { force: true });
  const stop = () => {
    release();
    process.exit(130);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await work();
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    release();
  }
}

/** The file is written aside and linked into place, so that it never exists without the holder's process id. */
function tryTake(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    removeIfDead(path, mine);
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** A holder that was killed leaves its file behind. Renaming it decides which of several waiters removes it. */
function removeIfDead(path, mine) {
  const holder = readHolder(path);
  if (holder === undefined || isAlive(holder)) return;
  const aside = `${mine}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  // Between the look and the rename, a new holder may have come: its file goes back.
  if (readHolder(aside) !== holder) linkSync(aside, path);
  rmSync(aside, { force: true });
}

function readHolder(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
