// The command line of the MCP Inspector, as people use it to look at a server. Needs WEIR_BINARY.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startWeir } from './weir_server.mjs';

const FREE_UNITS_PER_MINUTE = 100;
const TIMEOUT_MS = 60_000;

describe('the Inspector', () => {
  let weir;
  let home;

  before(async () => {
    weir = await startWeir(process.env.WEIR_BINARY);
    home = mkdtempSync(join(tmpdir(), 'weir-inspector-'));
  });
  after(async () => {
    await weir?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  // Resolves to what it printed and its exit code, which it uses to tell results apart.
  const inspect = (key, ...words) => new Promise((resolve) => {
    execFile(
      process.execPath,
      ['node_modules/.bin/mcp-inspector', '--cli', weir.mcp.href, '--header', `Authorization: Bearer ${key}`, ...words],
      { timeout: TIMEOUT_MS, env: { ...process.env, HOME: home } },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });

  test('lists the tools and calls one', async () => {
    const listed = await inspect(weir.adminKey, '--method', 'tools/list');
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /"create_scan"/);
    const called = await inspect(weir.adminKey, '--method', 'tools/call', '--tool-name', 'get_quota');
    assert.equal(called.code, 0, called.stderr);
    assert.match(called.stdout, /"tier"/);
  });

  test('shows the refusal of the limiter', async () => {
    const key = weir.createKey('inspected', 'free');
    const calls = Array.from({ length: FREE_UNITS_PER_MINUTE }, () => fetch(new URL('/v1/targets', weir.mcp), { headers: { Authorization: `Bearer ${key}` } }));
    await Promise.all(calls);
    const refused = await inspect(key, '--method', 'tools/call', '--tool-name', 'list_targets');
    assert.match(refused.stdout + refused.stderr, /Rate limit of 100 requests per minute exceeded/);
  });
});
