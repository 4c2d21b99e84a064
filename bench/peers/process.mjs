import { spawn } from 'node:child_process';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A port that is free now. @returns {Promise<number>} */
export async function findFreePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a program that tells nobody when it is ready, and waits until its port answers.
 * @param {string} file
 * @param {string[]} args
 * @param {number} port
 */
export async function startProgram(file, args, port, timeoutMs = 30_000) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (said = (said + chunk).slice(-4000)));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  /** @type {Promise<number | string>} */
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal ?? -1));
  });
  let end = /** @type {number | string | undefined} */ (undefined);
  void exited.then((code) => {
    end = code;
    process.off('exit', kill);
  });
  const deadline = performance.now() + timeoutMs;
  while (!(await answers(port))) {
    if (end !== undefined || performance.now() > deadline) {
      kill();
      throw new Error(`${file} ${end === undefined ? 'is not ready' : `ended with ${end}`}:\n${said}`);
    }
    await sleep(50);
  }
  return {
    pid: /** @type {number} */ (child.pid),
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM');
      const killer = setTimeout(kill, 30_000);
      await exited;
      clearTimeout(killer);
    },
  };
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
