// Starts the real binary on a port that the kernel chooses, with a data folder of its own, and a small site to scan.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;

export async function startWeir(binary) {
  const data = mkdtempSync(join(tmpdir(), 'weir-clients-'));
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data', data], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk) => { errors = (errors + chunk).slice(-20_000); });
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready in time\n${output}\n${errors}`)), START_TIMEOUT_MS);
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready\n${output}\n${errors}`)));
    child.stdout.on('data', (chunk) => {
      output += chunk;
      const ready = /weir ready on (http:\/\/\S+)/.exec(output);
      if (!ready) return;
      clearTimeout(timer);
      resolve(ready[1]);
    });
  });
  return {
    mcp: new URL('/mcp', url),
    adminKey: readFileSync(join(data, 'admin.key'), 'utf8').trim(),
    createKey(account, tier) {
      const made = execFileSync(binary, ['keys', 'create', '--data', data, '--account', account, '--tier', tier, '--json'], { encoding: 'utf8' });
      return JSON.parse(made).key;
    },
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

// Careless on purpose: no security headers and a cookie without attributes, so that a scan finds something.
// `delayMs` pass before each answer.
export async function startSite({ delayMs = 0 } = {}) {
  const server = createServer(async (request, response) => {
    if (delayMs > 0) await delay(delayMs);
    response.setHeader('Set-Cookie', 'session=abc');
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>site</title><p>hello</p>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  };
}
