// The TypeScript SDK's server with one tool that answers what Weir's get_quota answered a moment ago: server.mjs ANSWER.json
// KEY. Both eras on one URL, each served in the quickest way that the SDK has: per request for 2026-07-28, one kept
// transport a session before. It checks the key and limits nothing.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

const [answerFile, key] = process.argv.slice(2);
const { structuredContent, content, outputSchema } = JSON.parse(readFileSync(answerFile, 'utf8'));
const input = fromJsonSchema({ type: 'object', properties: {}, additionalProperties: false });
const output = fromJsonSchema(outputSchema);

function makeServer() {
  const server = new McpServer({ name: 'sdk', version: '1.0.0' });
  server.registerTool('get_quota', { description: 'What is left.', inputSchema: input, outputSchema: output }, () => ({ content, structuredContent }));
  return server;
}

const modern = toNodeHandler(createMcpHandler(makeServer, { legacy: 'reject', responseMode: 'json' }));
const sessions = new Map();

async function serveSession(request, response) {
  const known = sessions.get(request.headers['mcp-session-id']);
  if (known) return known.handleRequest(request, response);
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    onsessioninitialized: (id) => { sessions.set(id, transport); },
  });
  await makeServer().connect(transport);
  return transport.handleRequest(request, response);
}

const http = createServer((request, response) => {
  if (request.headers.authorization !== `Bearer ${key}`) return response.writeHead(401).end();
  return request.headers['mcp-protocol-version'] === '2026-07-28' ? modern(request, response) : serveSession(request, response);
});
http.listen(0, '127.0.0.1', () => console.log(`sdk ready on http://127.0.0.1:${http.address().port}`));
