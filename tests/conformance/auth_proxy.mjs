// The conformance suite cannot send an Authorization header; this loopback proxy adds it. Everything else, the Host
// header above all, passes unchanged, and bodies stream in both directions.
//   node auth_proxy.mjs http://127.0.0.1:PORT   (key in WEIR_KEY; prints "proxy ready on http://127.0.0.1:PORT")
import http from 'node:http';

const upstream = new URL(process.argv[2]);
const key = process.env.WEIR_KEY;
if (!key) {
  console.error('error: WEIR_KEY is not set');
  process.exit(2);
}

const server = http.createServer((request, response) => {
  const headers = [...request.rawHeaders];
  if (!request.headers.authorization) headers.push('Authorization', `Bearer ${key}`);
  const onward = http.request({
    host: upstream.hostname, port: upstream.port, method: request.method, path: request.url, headers, setHost: false,
  });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
    response.flushHeaders();
    answer.pipe(response);
  });
  onward.on('error', (error) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { 'Content-Type': 'text/plain' }).end(`${error.message}\n`);
  });
  // A client that goes away ends its call upstream too.
  response.on('close', () => onward.destroy());
  request.pipe(onward);
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(`proxy ready on http://127.0.0.1:${server.address().port}`));
