// Calls Weir until it refuses, waits as long as Retry-After says with jitter, and calls again. Node.js 22.6 or later:
//   WEIR_URL=http://127.0.0.1:8080 WEIR_KEY=wk_... node --experimental-strip-types retry_client.ts [CALLS]
import process from "node:process";

const ATTEMPTS_MAX = 8;
const JITTER_MS = 250;

const url: string = process.env.WEIR_URL ?? "http://127.0.0.1:8080";
const key: string = process.env.WEIR_KEY ?? "";
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function fetchWithRetry(path: string): Promise<{ response: Response; refusals: number }> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const response = await fetch(url + path, { headers: { Authorization: `Bearer ${key}` } });
    if (response.status !== 429) return { response, refusals: attempt };
    await response.body?.cancel();
    const seconds = Number(response.headers.get("Retry-After"));
    // Jitter, so that clients that were refused together do not come back together.
    await sleep(seconds * 1000 + Math.random() * JITTER_MS);
  }
  throw new Error(`${path} was refused ${ATTEMPTS_MAX} times`);
}

const calls = Number(process.argv[2] ?? 12);
let refused = 0;
let most = 0;
for (let call = 1; call <= calls; call++) {
  const { response, refusals } = await fetchWithRetry("/v1/targets");
  await response.json();
  refused += refusals;
  most = Math.max(most, refusals);
  console.log(`call ${call}: ${response.status}`);
}
console.log(`had to wait: ${refused > 0 ? "yes" : "no"}; refusals of one call: at most ${most}`);
