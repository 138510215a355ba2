// Receives webhooks and verifies them with the package standardwebhooks:
//
//     npm install standardwebhooks
//     WEIR_WEBHOOK_SECRET=whsec_... node receive.mjs PORT [COUNT]
//
// Prints each event that is ours, once; refuses everything else. Ends after COUNT events.
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEIR_WEBHOOK_SECRET);
const [port, count] = [Number(process.argv[2]), Number(process.argv[3] ?? 0)];
const seen = new Set(); // a delivery may come twice; keep this where it survives a restart

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

const server = createServer(async (request, response) => {
  const body = await bodyOf(request); // the very bytes: parsing and writing them again would change the signature
  let event;
  try {
    event = webhook.verify(body, request.headers);
  } catch {
    console.log('refused: not signed with our secret');
    response.writeHead(401).end();
    return;
  }
  // Answer first and work later: after 15 seconds it counts as a failure and comes again.
  response.writeHead(204).end();
  const id = request.headers['webhook-id'];
  if (seen.has(id)) return;
  seen.add(id);
  console.log(`verified: ${event.type}`);
  if (count && seen.size >= count) {
    server.close();
    server.closeAllConnections();
  }
});
server.listen(port, '127.0.0.1', () => console.log('listening'));
