// A TCP proxy on loopback that cuts every open connection when it is told to, as a network does that changes.
import { connect, createServer } from 'node:net';

export async function startCuttingProxy(target) {
  const pairs = new Set();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const pair = [near, far];
    pairs.add(pair);
    const end = () => { near.destroy(); far.destroy(); pairs.delete(pair); };
    for (const socket of pair) socket.on('error', end).on('close', end);
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => { for (const [near, far] of pairs) { near.destroy(); far.destroy(); } };
  return {
    url: new URL(target.pathname, `http://127.0.0.1:${server.address().port}`),
    cut,
    stop: () => new Promise((resolve) => { cut(); server.close(resolve); }),
  };
}
