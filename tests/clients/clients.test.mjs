// Real MCP clients, given only a URL and a key, over every transport that they have: they list the tools, run a scan and
// follow its progress, read its findings, cancel, resume where the protocol allows it, and are refused by the limiter in a
// form that they hand to their model. Needs WEIR_BINARY.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client as SessionClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as SessionStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as SessionTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { startCuttingProxy } from './cutting_proxy.mjs';
import { startSite, startWeir } from './weir_server.mjs';

const FREE_UNITS_PER_MINUTE = 100;
const info = { name: 'weir-client-tests', version: '1.0.0' };

// What StdioClientTransport starts: the binary itself, or the bridge that many hosts use today.
const weirStdio = (weir, key) => ({ command: process.env.WEIR_BINARY, args: ['stdio', '--url', weir.mcp.origin, '--key', key], stderr: 'ignore' });
const mcpRemote = (weir, key) => ({
  command: process.execPath,
  args: ['node_modules/mcp-remote/dist/proxy.js', weir.mcp.href, '--transport', 'http-only', '--header', `Authorization:Bearer ${key}`],
  stderr: 'ignore',
});
const byHeader = (key) => ({ requestInit: { headers: { Authorization: `Bearer ${key}` } } });
const sessionClient = {
  make: () => new SessionClient(info),
  callTool: (client, call, options) => client.callTool(call, undefined, options),
};
const modernClient = (mode) => ({
  make: () => new ModernClient(info, { versionNegotiation: { mode } }),
  callTool: (client, call, options) => client.callTool(call, options),
});
const modes = [['legacy', 'legacy', '2025-11-25'], ['auto', 'auto', '2026-07-28'], ['pinned to 2026-07-28', { pin: '2026-07-28' }, '2026-07-28']];

const clients = [
  { name: 'SDK 1.x, streamable', version: '2025-11-25', ...sessionClient, transport: (weir, key) => new SessionTransport(weir.mcp, byHeader(key)) },
  { name: 'SDK 1.x, SSE', version: undefined, ...sessionClient, transport: (weir, key) => new SSEClientTransport(new URL('/sse', weir.mcp), byHeader(key)) },
  { name: 'SDK 1.x, weir stdio', version: undefined, ...sessionClient, transport: (weir, key) => new SessionStdio(weirStdio(weir, key)) },
  { name: 'SDK 1.x, mcp-remote', version: undefined, ...sessionClient, transport: (weir, key) => new SessionStdio(mcpRemote(weir, key)) },
  ...modes.map(([name, mode, version]) => ({
    name: `SDK 2.x, ${name}`, version, ...modernClient(mode), transport: (weir, key) => new ModernTransport(weir.mcp, byHeader(key)),
  })),
  ...modes.map(([name, mode, version]) => ({
    name: `SDK 2.x, ${name}, weir stdio`, version, ...modernClient(mode), transport: (weir, key) => new ModernStdio(weirStdio(weir, key)),
  })),
];

const texts = (result) => result.content.map((block) => block.text).join('\n');
const idIn = (result, prefix) => {
  const found = new RegExp(`${prefix}_[0-9A-Z]{26}`).exec(JSON.stringify(result));
  assert.ok(found, `an id ${prefix}_... in ${JSON.stringify(result)}`);
  return found[0];
};

describe('MCP clients', () => {
  let weir;
  let site;

  before(async () => {
    assert.ok(process.env.WEIR_BINARY, 'WEIR_BINARY names the binary to test');
    weir = await startWeir(process.env.WEIR_BINARY);
  });
  after(async () => { await weir?.stop(); });

  for (const kind of clients) {
    describe(kind.name, () => {
      // A site each: two scans of one host at once would wait for each other.
      before(async () => { site = await startSite(); });
      after(async () => { await site.stop(); });

      async function connect(key) {
        const client = kind.make();
        const transport = kind.transport(weir, key);
        await client.connect(transport);
        return { client, transport };
      }

      test('scans a site with nothing but a URL and a key', async () => {
        const { client, transport } = await connect(weir.adminKey);
        try {
          if (kind.version) assert.equal(client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion, kind.version);
          assert.match(client.getInstructions() ?? '', /create_scan/);

          const { tools } = await client.listTools();
          const names = tools.map((tool) => tool.name);
          for (const name of ['create_target', 'create_scan', 'get_scan', 'list_findings', 'get_report', 'get_quota']) {
            assert.ok(names.includes(name), `${name} in ${names}`);
          }

          const target = await kind.callTool(client, { name: 'create_target', arguments: { url: site.url, attest: 'This site belongs to the test.' } });
          assert.ok(!target.isError, texts(target));

          const progress = [];
          let scan = await kind.callTool(
            client,
            { name: 'create_scan', arguments: { target_id: idIn(target, 'tgt'), profile: 'passive', wait_seconds: 50 } },
            { onprogress: (step) => progress.push(step.progress) },
          );
          assert.ok(!scan.isError, texts(scan));
          assert.match(JSON.stringify(scan.structuredContent), /"completed"/);
          assert.ok(progress.length > 0, 'a call that waits reports its progress');
          assert.deepEqual(progress, [...new Set(progress)].sort((a, b) => a - b), 'progress only grows');

          const findings = await kind.callTool(client, { name: 'list_findings', arguments: { scan_id: idIn(scan, 'scn') } });
          assert.ok(!findings.isError, texts(findings));
          assert.match(texts(findings), /fnd_/);

          const report = await kind.callTool(client, { name: 'get_report', arguments: { scan_id: idIn(scan, 'scn'), format: 'markdown' } });
          assert.ok(!report.isError, texts(report));
          assert.match(texts(report), /#/);
        } finally {
          await client.close();
        }
      });

      test('hands the refusal of the limiter to its caller', async () => {
        const { client } = await connect(weir.createKey(`bots ${kind.name.replace(/[^a-z0-9]/gi, '')}`.replaceAll(' ', '-'), 'free'));
        try {
          await client.listTools();
          let refused;
          for (let i = 0; i < FREE_UNITS_PER_MINUTE && !refused; ++i) {
            const answer = await kind.callTool(client, { name: 'list_targets', arguments: {} });
            if (answer.isError) refused = answer;
          }
          assert.ok(refused, 'one call of the last minute is over the budget');
          assert.equal(refused.structuredContent.error, 'rate_limit_exceeded');
          assert.match(texts(refused), /Retry after \d+ seconds?/);
          assert.ok(refused._meta['weir/rateLimit'].retryAfterMs > 0);

          const quota = await kind.callTool(client, { name: 'get_quota', arguments: {} });
          assert.ok(!quota.isError, 'get_quota costs nothing');
        } finally {
          await client.close();
        }
      });

      test('cancels a call that waits, and goes on', async () => {
        const { client } = await connect(weir.adminKey);
        const slowSite = await startSite({ delayMs: 500 });
        try {
          const slow = await kind.callTool(client, { name: 'create_target', arguments: { url: slowSite.url, attest: 'This site belongs to the test.' } });
          assert.ok(!slow.isError, texts(slow));
          const abort = new AbortController();
          const started = Date.now();
          await assert.rejects(kind.callTool(
            client,
            { name: 'create_scan', arguments: { target_id: idIn(slow, 'tgt'), profile: 'passive', wait_seconds: 50 } },
            { signal: abort.signal, onprogress: () => abort.abort() },
          ));
          assert.ok(Date.now() - started < 20_000, 'the call ended when it was cancelled');
          const quota = await kind.callTool(client, { name: 'get_quota', arguments: {} });
          assert.ok(!quota.isError, 'the connection is as good as before');
        } finally {
          await client.close();
          await slowSite.stop();
        }
      });

      test('says what is wrong with an argument', async () => {
        const { client } = await connect(weir.adminKey);
        try {
          const answer = await kind.callTool(client, { name: 'create_scan', arguments: { profile: 'fastest' } });
          assert.equal(answer.isError, true);
          assert.match(texts(answer), /profile/);
        } finally {
          await client.close();
        }
      });

      test('fails clearly with a wrong key', async () => {
        await assert.rejects(connect('wk_wrong'));
      });
    });
  }

  test('a call of a session goes on after its connection was cut', async () => {
    const own = await startSite({ delayMs: 400 });
    const proxy = await startCuttingProxy(weir.mcp);
    const client = new SessionClient(info);
    try {
      await client.connect(new SessionTransport(proxy.url, byHeader(weir.adminKey)));
      const target = await sessionClient.callTool(client, { name: 'create_target', arguments: { url: own.url, attest: 'This site belongs to the test.' } });
      let cuts = 0;
      const scan = await sessionClient.callTool(
        client,
        { name: 'create_scan', arguments: { target_id: idIn(target, 'tgt'), profile: 'passive', wait_seconds: 50 } },
        { onprogress: () => { if (cuts++ === 0) proxy.cut(); } },
      );
      assert.ok(!scan.isError, texts(scan));
      assert.ok(cuts > 0, 'the connection was cut while the call waited');
      assert.match(JSON.stringify(scan.structuredContent), /"completed"/);
    } finally {
      await client.close();
      await proxy.stop();
      await own.stop();
    }
  });
});
