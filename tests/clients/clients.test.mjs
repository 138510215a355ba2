// Real MCP clients, given only a URL and a key: they list the tools, run a scan, read its findings, and are refused by
// the limiter in a form that they hand to their model. Needs WEIR_BINARY.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as SessionClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as SessionTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { startSite, startWeir } from './weir_server.mjs';

const FREE_UNITS_PER_MINUTE = 100;
const info = { name: 'weir-client-tests', version: '1.0.0' };

const clients = [
  {
    name: '@modelcontextprotocol/sdk 1.x',
    version: '2025-11-25',
    make: () => new SessionClient(info),
    transport: (url, options) => new SessionTransport(url, options),
    callTool: (client, call, options) => client.callTool(call, undefined, options),
  },
  ...[['legacy', '2025-11-25'], ['auto', '2026-07-28'], [{ pin: '2026-07-28' }, '2026-07-28']].map(([mode, version]) => ({
    name: `@modelcontextprotocol/client 2.x, ${typeof mode === 'string' ? mode : `pinned to ${mode.pin}`}`,
    version,
    make: () => new ModernClient(info, { versionNegotiation: { mode } }),
    transport: (url, options) => new ModernTransport(url, options),
    callTool: (client, call, options) => client.callTool(call, options),
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
        const transport = kind.transport(weir.mcp, { requestInit: { headers: { Authorization: `Bearer ${key}` } } });
        await client.connect(transport);
        return { client, transport };
      }

      test('scans a site with nothing but a URL and a key', async () => {
        const { client, transport } = await connect(weir.adminKey);
        try {
          assert.equal(client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion, kind.version);
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
});
